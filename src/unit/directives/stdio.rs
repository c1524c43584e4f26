//! Rows of standard input and output, terminals and the log.

use super::line::{Line, Outcome, Problem};
use super::{BOTH, Row, full};
use crate::ids::Text;
use crate::syntax::words::{self, Escapes, Rules};
use crate::unit::exec::{Beside, Input, Output, TtyMode};
use crate::unit::values::{names, path, scalar};

pub(super) static ROWS: &[Row] = &[
    full(BOTH, "StandardInput", input, "Where descriptor 0 leads: null, tty, data, file:PATH, socket or fd:NAME"),
    full(
        BOTH,
        "StandardOutput",
        |l| output(l).map(|o| l.draft.exec.standard_output = o),
        "Where descriptor 1 leads: inherit, null, tty, journal, kmsg, file:PATH, append:PATH, truncate:PATH, socket or fd:NAME",
    ),
    full(
        BOTH,
        "StandardError",
        |l| output(l).map(|o| l.draft.exec.standard_error = o),
        "Where descriptor 2 leads: as StandardOutput=",
    ),
    full(BOTH, "StandardInputText", input_text, "A line of text for StandardInput=data"),
    full(BOTH, "StandardInputData", input_data, "Base64 data for StandardInput=data"),
    full(
        BOTH,
        "TTYPath",
        |l| l.path(|d| &mut d.exec.tty_path),
        "Terminal for StandardInput=tty and StandardOutput=tty",
    ),
    full(
        BOTH,
        "SyslogIdentifier",
        |l| l.string(|d| &mut d.exec.syslog_identifier),
        "Tag of log lines instead of the command's name",
    ),
    full(
        BOTH,
        "SyslogFacility",
        |l| names::log_facility(l.text()).map(drop).map_err(Into::into),
        "Facility of log lines",
    )
    .not_yet("log lines have the facility daemon"),
    full(
        BOTH,
        "SyslogLevel",
        |l| l.set_some(names::log_level, |d| &mut d.exec.syslog_level),
        "Level of log lines that do not say their own",
    ),
    full(BOTH, "SyslogLevelPrefix", level_prefix, "Whether <N> at the start of a line sets its level"),
    full(
        BOTH,
        "LogLevelMax",
        |l| l.set_or_unset(names::log_level, |d| &mut d.exec.log_level_max),
        "Less important lines are dropped",
    ),
];

/// Most data that `StandardInput=data` takes, in bytes (systemd: `EXEC_STDIN_DATA_MAX`).
const DATA_BYTES_MAX: usize = 64 << 20;

fn level_prefix(line: &mut Line<'_>) -> Outcome {
    line.draft.exec.no_syslog_level_prefix = !scalar::boolean(line.text())?;
    Ok(())
}

/// `fd` or `fd:NAME`.
fn descriptor(line: &Line<'_>, text: &str) -> Result<Option<Text>, Problem> {
    let name = line.expand(text.strip_prefix(':').unwrap_or(""))?;
    if !name.is_empty() {
        names::fd_name(&name)?;
    }
    Ok((!name.is_empty()).then(|| name.into()))
}

fn file(line: &Line<'_>, text: &str) -> Result<Text, Problem> {
    Ok(path::absolute(&line.expand(text)?)?.into())
}

fn input(line: &mut Line<'_>) -> Outcome {
    let text = line.text();
    let value = match text {
        "null" => Input::Null,
        "tty" => Input::Tty(TtyMode::Wait),
        "tty-force" => Input::Tty(TtyMode::Force),
        "tty-fail" => Input::Tty(TtyMode::Fail),
        "data" => Input::Data,
        "socket" => Input::Socket,
        _ => match (text.strip_prefix("file:"), text.strip_prefix("fd")) {
            (Some(path), _) => Input::File(file(line, path)?),
            (_, Some(rest)) if rest.is_empty() || rest.starts_with(':') => Input::Fd(descriptor(line, rest)?),
            _ => return Err("not one of null, tty, tty-force, tty-fail, data, file:PATH, socket, fd:NAME".into()),
        },
    };
    line.draft.exec.standard_input = value;
    Ok(())
}

fn output(line: &mut Line<'_>) -> Result<Option<Output>, Problem> {
    let text = line.text().to_owned();
    if matches!(text.as_str(), "syslog" | "syslog+console") {
        line.warn("obsolete-value", "syslog is an old name of journal; write journal", 0..text.len());
    }
    Ok(Some(match text.as_str() {
        "inherit" => Output::Inherit,
        "null" => Output::Null,
        "tty" => Output::Tty,
        "socket" => Output::Socket,
        other => match Beside::ALL.into_iter().find(|(word, _)| *word == other.replace("syslog", "journal")) {
            Some((_, beside)) => Output::Log(beside),
            None => return output_file(line, other),
        },
    }))
}

fn output_file(line: &Line<'_>, text: &str) -> Result<Option<Output>, Problem> {
    /// Makes an output of a path.
    type Kind = fn(Text) -> Output;
    const KINDS: [(&str, Kind); 3] =
        [("file:", Output::File), ("append:", Output::Append), ("truncate:", Output::Truncate)];
    for (prefix, kind) in KINDS {
        if let Some(path) = text.strip_prefix(prefix) {
            return Ok(Some(kind(file(line, path)?)));
        }
    }
    match text.strip_prefix("fd") {
        Some(rest) if rest.is_empty() || rest.starts_with(':') => Ok(Some(Output::Fd(descriptor(line, rest)?))),
        _ => {
            Err("not one of inherit, null, tty, journal, kmsg, journal+console, kmsg+console, file:PATH, append:PATH, \
                  truncate:PATH, socket, fd:NAME"
                .into())
        }
    }
}

fn append(line: &mut Line<'_>, data: &[u8]) -> Outcome {
    let all = &mut line.draft.exec.standard_input_data;
    if all.len() + data.len() > DATA_BYTES_MAX {
        return Err(format!("data for standard input is longer than {DATA_BYTES_MAX} bytes").into());
    }
    all.extend_from_slice(data);
    Ok(())
}

fn input_text(line: &mut Line<'_>) -> Outcome {
    if line.is_empty() {
        line.draft.exec.standard_input_data.clear();
        return Ok(());
    }
    let mut text = line.expand(&unescape(line.text())?)?;
    text.push('\n');
    append(line, text.as_bytes())
}

/// Decodes C escapes; everything else stays, blanks too.
fn unescape(text: &str) -> Result<String, Problem> {
    let rules = Rules { quotes: false, escapes: Escapes::C };
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for word in words::split(text, rules).map_err(|e| Problem::from(e.message).at(e.at..e.at + 1))? {
        out.push_str(&text[end..word.range.start]);
        out.push_str(&word.text);
        end = word.range.end;
    }
    out.push_str(&text[end..]);
    Ok(out)
}

fn input_data(line: &mut Line<'_>) -> Outcome {
    if line.is_empty() {
        line.draft.exec.standard_input_data.clear();
        return Ok(());
    }
    let data = base64(line.text()).ok_or("not base64")?;
    append(line, &data)
}

/// Decodes base64 with padding; blanks are ignored.
fn base64(text: &str) -> Option<Vec<u8>> {
    const BITS_PER_DIGIT: u32 = 6;
    let mut out = Vec::new();
    let (mut bits, mut have, mut digits, mut padding) = (0u32, 0u32, 0usize, 0usize);
    for b in text.bytes().filter(|b| !b.is_ascii_whitespace()) {
        let digit = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                padding += 1;
                continue;
            }
            _ => return None,
        };
        if padding > 0 {
            return None;
        }
        digits += 1;
        bits = (bits << BITS_PER_DIGIT) | u32::from(digit);
        have += BITS_PER_DIGIT;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
            bits &= (1 << have) - 1;
        }
    }
    let whole = (digits + padding) % 4 == 0 && padding <= 2 && bits == 0;
    whole.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_base64() {
        assert_eq!(base64("YmMK").as_deref(), Some(&b"bc\n"[..]));
        assert_eq!(base64("YQ==").as_deref(), Some(&b"a"[..]));
        assert_eq!(base64(" Y W J\tj ").as_deref(), Some(&b"abc"[..]));
        for bad in ["Y", "YQ", "YQ=", "Y=Q=", "YR==", "Y?=="] {
            assert_eq!(base64(bad), None, "{bad}");
        }
    }
}
