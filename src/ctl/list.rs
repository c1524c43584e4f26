//! `list-units`, `list-sockets`, `list-unit-files`: columns, footers and JSON of systemctl.

use super::commands::Context;
use super::exit;
use super::names::{by_type, mangle, mangle_with, matching};
use super::options::Json;
use super::show::{Cell, Paint, clean_line, table};
use crate::control::client::ClientError;
use crate::control::wire::{Call, FileRow, ListKind, ListReply, SocketRow, UnitRow};
use crate::unit::UnitName;
use serde::Serialize;

/// list-units
pub(super) fn units(context: &mut Context, patterns: &[String]) -> Result<u8, ClientError> {
    if !types_are_known(context) {
        return Ok(exit::FAILED);
    }
    let rows = matching(context, mangle_all(patterns))?;
    if context.global.json == Json::Off {
        print_units(context, &rows);
    } else {
        let jobs = rows.iter().any(|r| r.job.is_some());
        let objects: Vec<UnitObject> = rows.iter().map(|r| UnitObject::new(r, jobs)).collect();
        context.out.json(&objects, context.global.json == Json::Pretty);
    }
    Ok(exit::OK)
}

/// What `--type` may name beside unit types.
const LOAD_STATES: [&str; 7] = ["stub", "loaded", "not-found", "bad-setting", "error", "merged", "masked"];

/// A mistyped type would look like an empty machine.
fn types_are_known(context: &mut Context) -> bool {
    let is_type = |t: &str| UnitName::parse(&format!("x.{t}")).is_some();
    let unknown = context.global.types.iter().find(|t| !is_type(t) && !LOAD_STATES.contains(&t.as_str()));
    let complaint = unknown.map(|t| format!("Unknown unit type or load state '{t}'."));
    complaint.iter().for_each(|c| context.complain(c));
    complaint.is_none()
}

fn mangle_all(patterns: &[String]) -> Vec<String> {
    patterns.iter().map(|p| mangle(p)).collect()
}

#[derive(Serialize)]
struct UnitObject<'a> {
    unit: &'a str,
    load: &'a str,
    active: &'a str,
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<&'a str>,
    description: &'a str,
}

impl<'a> UnitObject<'a> {
    /// `jobs`: some unit of the list has a job, so all have the field.
    fn new(row: &'a UnitRow, jobs: bool) -> UnitObject<'a> {
        UnitObject {
            unit: &row.unit,
            load: &row.load,
            active: &row.active,
            sub: &row.sub,
            job: jobs.then_some(row.job.as_deref().unwrap_or("")),
            description: &row.description,
        }
    }
}

fn print_units(context: &mut Context, rows: &[UnitRow]) {
    let legend = context.global.legend();
    let jobs = rows.iter().any(|r| r.job.is_some());
    let plain = context.global.plain;
    let cells: Vec<Vec<Cell>> = rows.iter().map(|r| unit_cells(r, jobs, plain)).collect();
    let mut header = vec![" ", "UNIT", "LOAD", "ACTIVE", "SUB", "JOB", "DESCRIPTION"];
    if !jobs {
        header.remove(5);
    }
    if plain {
        header.remove(0);
    }
    if !cells.is_empty() || legend {
        table(&mut context.out, legend.then_some(&header), &cells);
    }
    if legend {
        units_footer(context, rows.len(), jobs);
    }
}

fn unit_cells(row: &UnitRow, jobs: bool, plain: bool) -> Vec<Cell> {
    let bad_load = row.load != "loaded";
    let state = match row.active.as_str() {
        "failed" => Paint::Bad,
        _ => Paint::Plain,
    };
    let load = if bad_load { Paint::Bad } else { Paint::Plain };
    let worst = if bad_load { load } else { state };
    let marked = bad_load || row.active == "failed";
    let mut cells = Vec::new();
    if !plain {
        cells.push(Cell::new(if marked { "●" } else { " " }, worst));
    }
    cells.push(Cell::new(row.unit.clone(), worst));
    cells.push(Cell::new(row.load.clone(), load));
    cells.push(Cell::new(row.active.clone(), state));
    cells.push(Cell::new(row.sub.clone(), state));
    if jobs {
        cells.push(Cell::plain(row.job.clone().unwrap_or_default()));
    }
    cells.push(Cell::plain(clean_line(&row.description)));
    cells
}

fn units_footer(context: &mut Context, count: usize, jobs: bool) {
    let narrowed = !context.list(ListKind::Units).states.is_empty();
    let hint = if context.global.all || narrowed { "" } else { " Pass --all to see loaded but inactive units, too." };
    let out = &mut context.out;
    if count > 0 {
        out.line("");
        out.line("LOAD   = Reflects whether the unit definition was properly loaded.");
        out.line("ACTIVE = The high-level unit activation state, i.e. generalization of SUB.");
        out.line("SUB    = The low-level unit activation state, values depend on unit type.");
        if jobs {
            out.line("JOB    = Pending job for the unit.\n");
        }
    }
    let number = out.paint(Paint::Bold, format_args!("{count} loaded units listed."));
    out.line(format_args!("{number}{hint}"));
    if !narrowed {
        out.line("To show all installed unit files use 'porterctl list-unit-files'.");
    }
}

/// list-sockets
pub(super) fn sockets(context: &mut Context, patterns: &[String]) -> Result<u8, ClientError> {
    let mut list = context.list(ListKind::Sockets);
    list.patterns = patterns.iter().map(|p| mangle_with(p, ".socket")).collect();
    let ListReply { sockets: mut rows, .. } = context.call(&Call::List(list.clone()))?;
    rows.retain(|r| list.admits(&r.unit, &r.load, &r.active, &r.sub, false));
    rows.sort_by(|a, b| (&a.listen, &a.kind, &a.unit).cmp(&(&b.listen, &b.kind, &b.unit)));
    let types = context.global.show_types;
    if context.global.json == Json::Off {
        print_sockets(context, &rows, types);
    } else {
        let objects: Vec<SocketObject> = rows.iter().map(|r| SocketObject::new(r, types)).collect();
        context.out.json(&objects, context.global.json == Json::Pretty);
    }
    Ok(exit::OK)
}

#[derive(Serialize)]
struct SocketObject<'a> {
    listen: &'a str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    unit: &'a str,
    activates: Option<String>,
}

impl<'a> SocketObject<'a> {
    fn new(row: &'a SocketRow, types: bool) -> SocketObject<'a> {
        SocketObject {
            listen: &row.listen,
            kind: types.then_some(&row.kind),
            unit: &row.unit,
            activates: (!row.activates.is_empty()).then(|| row.activates.join(" ")),
        }
    }
}

fn print_sockets(context: &mut Context, rows: &[SocketRow], types: bool) {
    let legend = context.global.legend();
    let mut cells: Vec<Vec<Cell>> = Vec::new();
    for row in rows {
        let paint = if row.active == "failed" { Paint::Bad } else { Paint::Plain };
        let activates = if row.activates.is_empty() { "-".to_owned() } else { row.activates.join(" ") };
        let mut line = vec![Cell::plain(clean_line(&row.listen))];
        if types {
            line.push(Cell::plain(row.kind.clone()));
        }
        line.push(Cell::new(row.unit.clone(), paint));
        line.push(Cell::plain(activates));
        cells.push(line);
    }
    let header: &[&str] =
        if types { &["LISTEN", "TYPE", "UNIT", "ACTIVATES"] } else { &["LISTEN", "UNIT", "ACTIVATES"] };
    table(&mut context.out, legend.then_some(header), &cells);
    if legend {
        let number = context.out.paint(Paint::Bold, format_args!("{} sockets listed.", rows.len()));
        context.out.line(format_args!("\n{number}"));
        if !context.global.all {
            context.out.line("Pass --all to see loaded but inactive sockets, too.");
        }
    }
}

/// list-unit-files: fails if nothing matches, as systemctl does.
pub(super) fn files(context: &mut Context, patterns: &[String]) -> Result<u8, ClientError> {
    if !types_are_known(context) {
        return Ok(exit::FAILED);
    }
    let mut list = context.list(ListKind::Files);
    list.patterns = mangle_all(patterns);
    let ListReply { files: mut rows, .. } = context.call(&Call::List(list.clone()))?;
    rows.retain(|r| list.admits_file(&r.unit, &r.state));
    rows.sort_by(|a, b| by_type(&a.unit, &b.unit));
    if context.global.json == Json::Off {
        print_files(context, &rows);
    } else {
        let objects: Vec<FileObject> = rows
            .iter()
            .map(|r| FileObject { unit_file: &r.unit, state: &r.state, preset: None, path: &r.path })
            .collect();
        context.out.json(&objects, context.global.json == Json::Pretty);
    }
    Ok(if rows.is_empty() { exit::FAILED } else { exit::OK })
}

#[derive(Serialize)]
struct FileObject<'a> {
    unit_file: &'a str,
    state: &'a str,
    /// porterd has no presets.
    preset: Option<&'a str>,
    path: &'a str,
}

fn print_files(context: &mut Context, rows: &[FileRow]) {
    let legend = context.global.legend();
    let cells: Vec<Vec<Cell>> = rows
        .iter()
        .map(|r| {
            let paint = match r.state.as_str() {
                "enabled" | "enabled-runtime" => Paint::Good,
                "masked" | "masked-runtime" | "bad" => Paint::Bad,
                "disabled" => Paint::Busy,
                _ => Paint::Plain,
            };
            vec![Cell::plain(r.unit.clone()), Cell::new(r.state.clone(), paint), Cell::plain("-")]
        })
        .collect();
    table(&mut context.out, legend.then_some(&["UNIT FILE", "STATE", "PRESET"]), &cells);
    if legend {
        let number = context.out.paint(Paint::Bold, format_args!("{} unit files listed.", rows.len()));
        context.out.line(format_args!("\n{number}"));
    }
}
