//! `list-dependencies` and `cat`.

use super::commands::Context;
use super::exit;
use super::names;
use super::options::Json;
use super::show::{Paint, clean, dot};
use crate::bounds::FILE_BYTES_MAX;
use crate::control::client::ClientError;
use crate::control::wire::{Call, CatReply, Dependencies, DependenciesReply, DependencyRow, UnitFile, Units};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

/// What is shown when no unit is named.
const DEFAULT_UNIT: &str = "sockets.target";

/// list-dependencies
pub(super) fn dependencies(context: &mut Context, typed: &[String]) -> Result<u8, ClientError> {
    let units = if typed.is_empty() { vec![DEFAULT_UNIT.to_owned()] } else { names::expand(context, typed)? };
    let call = Call::Dependencies(Dependencies { units: units.clone(), reverse: context.global.reverse });
    let reply: DependenciesReply = context.call(&call)?;
    if context.global.json != Json::Off {
        context.out.json(&reply.units, context.global.json == Json::Pretty);
        return Ok(exit::OK);
    }
    let graph: BTreeMap<&str, &DependencyRow> = reply.units.iter().map(|u| (u.unit.as_str(), u)).collect();
    let mut walk = Walk { graph: &graph, path: BTreeSet::new(), lines: 0 };
    for (i, unit) in units.iter().enumerate() {
        if i > 0 {
            context.out.line("");
        }
        context.out.line(unit);
        if !context.global.plain {
            walk.path.clear();
        }
        walk.path.insert(unit.as_str());
        walk.below(context, unit, &mut Vec::new());
    }
    Ok(exit::OK)
}

/// Lines at most: a graph that is no tree can unfold to any size.
const LINES_MAX: usize = 10_000;

struct Walk<'a> {
    graph: &'a BTreeMap<&'a str, &'a DependencyRow>,
    /// Units between the root and here, so that a cycle ends; with `--plain`, like systemctl's, all that were opened,
    /// and none of them is named again.
    path: BTreeSet<&'a str>,
    lines: usize,
}

impl<'a> Walk<'a> {
    /// Prints what is below a unit. `more`: for each level above, whether another line follows it.
    fn below(&mut self, context: &mut Context, unit: &str, more: &mut Vec<bool>) {
        let Some(row) = self.graph.get(unit) else {
            return;
        };
        let mut next: Vec<&'a str> = row.next.iter().map(String::as_str).collect();
        // Targets last, else by name: systemctl's order.
        next.sort_by_key(|n| (n.ends_with(".target"), n.to_ascii_lowercase()));
        next.dedup();
        for (i, name) in next.iter().enumerate() {
            self.lines += 1;
            if self.lines > LINES_MAX {
                return;
            }
            let last = i + 1 == next.len();
            let cycle = self.path.contains(name);
            if cycle && context.global.plain {
                continue;
            }
            self.line(context, name, more, last, cycle);
            // Like systemctl: only targets are opened unless everything is asked for.
            if !cycle && (context.global.all || name.ends_with(".target")) {
                self.path.insert(name);
                more.push(!last);
                self.below(context, name, more);
                more.pop();
                if !context.global.plain {
                    self.path.remove(name);
                }
            }
        }
    }

    fn line(&self, context: &mut Context, name: &str, more: &[bool], last: bool, cycle: bool) {
        let suffix = if cycle { " (cycle)" } else { "" };
        if context.global.plain {
            context.out.line(format_args!("{}{name}", "  ".repeat(more.len() + 1)));
            return;
        }
        let active = self.graph.get(name).map_or("", |r| r.active.as_str());
        let (glyph, paint) = dot(active);
        let bars: String = more.iter().map(|m| if *m { "│ " } else { "  " }).collect();
        let glyph = context.out.paint(paint, glyph);
        context.out.line(format_args!("{glyph} {bars}{}{name}{suffix}", if last { "└─" } else { "├─" }));
    }
}

/// cat
pub(super) fn cat(context: &mut Context, typed: &[String]) -> Result<u8, ClientError> {
    let units = names::expand(context, typed)?;
    let reply: CatReply = context.call(&Call::Cat(Units { units }))?;
    if context.global.json != Json::Off {
        context.out.json(&reply.units, context.global.json == Json::Pretty);
        return Ok(exit::OK);
    }
    let (mut code, mut printed) = (exit::OK, false);
    for unit in &reply.units {
        if unit.files.is_empty() {
            context.complain(format_args!("No files found for {}.", unit.unit));
            code = exit::FAILED;
        }
        for file in &unit.files {
            if printed {
                context.out.line("");
            }
            printed = true;
            let header = context.out.paint(Paint::Bold, format_args!("# {}", file.path));
            context.out.line(header);
            match text_of(file) {
                Ok(text) => context.out.line(clean_text(&text).trim_end_matches('\n')),
                Err(e) => {
                    context.complain(format_args!("Failed to read {}: {e}", file.path));
                    code = exit::FAILED;
                }
            }
        }
    }
    Ok(code)
}

/// Tabs may stay as they are.
fn clean_text(text: &str) -> String {
    text.split('\t').map(clean).collect::<Vec<_>>().join("\t")
}

/// What the daemon sent along, or what the file holds.
fn text_of(file: &UnitFile) -> std::io::Result<String> {
    if let Some(text) = &file.text {
        return Ok(text.clone());
    }
    let mut bytes = Vec::new();
    std::fs::File::open(&file.path)?.take(FILE_BYTES_MAX as u64).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
