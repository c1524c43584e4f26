use super::*;

fn entries(bytes: &[u8]) -> Vec<String> {
    let document = parse("t", bytes);
    assert_eq!(document.to_bytes(), bytes);
    let mut out = Vec::new();
    for section in &document.sections {
        for entry in &section.entries {
            out.push(format!("{}.{}={}", section.name, entry.key, entry.value.text));
        }
    }
    out
}

fn codes(bytes: &[u8]) -> Vec<&'static str> {
    parse("t", bytes).diagnostics.iter().map(|d| d.code).collect()
}

fn fatal(bytes: &[u8]) -> Option<&'static str> {
    parse("t", bytes).fatal.map(|d| d.code)
}

#[test]
fn socket_1_2_3_5_line_ends() {
    let want = ["Socket.ListenStream=80", "Socket.ListenStream=81"];
    for text in [
        "[Socket]\r\nListenStream=80\r\nListenStream=81\r\n",
        "[Socket]\rListenStream=80\rListenStream=81\r",
        "[Socket]\nListenStream=80\0ListenStream=81",
    ] {
        assert_eq!(entries(text.as_bytes()), want, "{text:?}");
    }
}

#[test]
fn socket_4_byte_order_mark() {
    assert_eq!(entries(b"\xef\xbb\xbf[Socket]\nA=1"), ["Socket.A=1"]);
    assert_eq!(codes(b"\xef\xbb\xbf# comment\n[Socket]\nA=1"), ["assignment-outside-section"]);
}

#[test]
fn socket_6_no_trailing_comments() {
    assert_eq!(entries(b"[S]\nL=80 # web"), ["S.L=80 # web"]);
}

#[test]
fn socket_7_to_11_continuation() {
    assert_eq!(entries(b"[S]\nL=8\\\n0"), ["S.L=8 0"]);
    assert_eq!(entries(b"[S]\nL=80\\\n\nBacklog=5"), ["S.L=80", "S.Backlog=5"]);
    assert_eq!(entries(b"[S]\nD=a\\\n# c\n;c\n  b"), ["S.D=a   b"]);
    assert_eq!(entries(b"[S]\nD=a \\ \nE=1"), ["S.D=a \\", "S.E=1"]);
    assert_eq!(entries(b"[S]\nD=a\\\\\nE=1"), ["S.D=a\\\\", "S.E=1"]);
}

#[test]
fn socket_14_repeated_sections_stay_in_order() {
    assert_eq!(entries(b"[S]\nA=1\n[T]\nB=2\n[S]\nA=3"), ["S.A=1", "T.B=2", "S.A=3"]);
}

#[test]
fn socket_15_16_17_headers() {
    for bad in ["[Foo", "[Foo] junk", "[Socket\t]", "[a\"b]", "[a\\\\b]", "["] {
        let text = format!("[S]\nA=1\n{bad}\n[S]\nB=2\n");
        assert_eq!(fatal(text.as_bytes()), Some("bad-section-header"), "{bad}");
        assert_eq!(entries(text.as_bytes()), ["S.A=1"], "{bad}");
    }
    let empty = parse("t", b"  [] \nA=1");
    assert_eq!((&*empty.sections[0].name, empty.fatal), ("", None));
}

#[test]
fn socket_18_foreign_sections_are_silent() {
    assert_eq!(codes(b"[X-Vendor]\nnoequals\n=foo\nA=1"), [""; 0]);
}

#[test]
fn socket_20_21_skipped_lines() {
    let text = b"A=1\nnoequals\n[S]\nnoequals\n=foo\n  =foo\nB=2";
    let want =
        ["assignment-outside-section", "assignment-outside-section", "missing-equals", "missing-key", "missing-key"];
    assert_eq!(codes(text), want);
    assert_eq!(entries(text), ["S.B=2"]);
}

#[test]
fn socket_22_23_invalid_utf8() {
    assert_eq!(fatal(b"[S]\nA=1\nD=\xff\xfe\nB=2"), Some("invalid-utf8"));
    for text in ["\u{ffff}", "\u{fdd0}", "\u{1fffe}"] {
        assert_eq!(fatal(format!("[S]\nD=a{text}\n").as_bytes()), Some("invalid-utf8"), "{text:?}");
    }
    assert_eq!(fatal("[S]\nD=\u{fffd}\u{10000}\u{fdcf}\n".as_bytes()), None);
    assert_eq!(entries(b"[S]\nA=1\nD=\xff\xfe\nB=2"), ["S.A=1"]);
    assert_eq!(fatal(b"# \xff\xfe\n[S]\nA=1"), None);
}

#[test]
fn socket_25_long_line() {
    let text = format!("[S]\nA=1\nX-A={}\nB=2", "x".repeat(LINE_BYTES_MAX));
    assert_eq!(fatal(text.as_bytes()), Some("line-too-long"));
    assert_eq!(entries(text.as_bytes()), ["S.A=1"]);
}

#[test]
fn service_12_to_16_continued_commands() {
    assert_eq!(entries(b"[S]\nE=/bin/echo a \\\n# comment\n   b"), ["S.E=/bin/echo a     b"]);
    assert_eq!(entries(b"[S]\nE=\"x \\\n  y\""), ["S.E=\"x    y\""]);
    assert_eq!(entries(b"[S]\nType = simple\n User=daemon \n"), ["S.Type=simple", "S.User=daemon"]);
}

#[test]
fn empty_values_have_a_place() {
    let document = parse("t", b"[S]\nA= \nB=\\\n \\\n");
    let sections = &document.sections[0].entries;
    assert_eq!(sections[0].value.text, "");
    assert_eq!(sections[0].value.whole(), 6..6);
    assert_eq!(sections[1].value.text, "");
}

#[test]
fn spans_lead_back_through_continuation_and_odd_bytes() {
    let text = b"# \xff\xff\r\n[S]\r\nKey =  ab\\\n# c\n  cd  \nX=y";
    let document = parse("t", text);
    let shown = &document.source.text;
    let entry = &document.sections[0].entries[0];
    assert_eq!(entry.value.text, "ab   cd");
    assert_eq!(&shown[entry.key_span.clone()], "Key");
    assert_eq!(&shown[entry.value.span(0..2)], "ab");
    assert_eq!(&shown[entry.value.span(5..7)], "cd");
    assert_eq!(&shown[entry.value.span(1..6)], "b\\\n# c\n  c");
    assert_eq!(&shown[entry.value.span(6..99)], "d");
    assert_eq!(entry.value.span(99..99).len(), 0);
    assert_eq!(&shown[document.sections[0].entries[1].value.whole()], "y");
}

#[test]
fn shown_lines_end_in_one_line_feed() {
    let document = parse("t", b"a\r\nb\rc\0d\n\re\n\nf");
    assert_eq!(&*document.source.text, "a \nb\nc\nd \ne\n\nf");
    assert_eq!(document.to_bytes(), b"a\r\nb\rc\0d\n\re\n\nf");
}

#[test]
fn findings_are_bounded() {
    let text = format!("[S]\n{}", "x\n".repeat(DIAGNOSTICS_PER_FILE_MAX * 3));
    let found = codes(text.as_bytes());
    assert_eq!(found.len(), DIAGNOSTICS_PER_FILE_MAX);
    assert_eq!(found.last(), Some(&"too-many-findings"));
}
