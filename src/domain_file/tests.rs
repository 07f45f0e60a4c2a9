use super::*;

/// Name and disks, each with its line.
type Read = (Option<String>, Vec<(usize, String)>);

fn read(text: &str) -> Read {
    let file = DomainFile::parse(text).unwrap_or_else(|m| panic!("{text:?}: {m:?}"));
    let disks = file.disks.into_iter().map(|d| (d.line, d.text));
    (file.name.map(|n| n.text), disks.collect())
}

#[track_caller]
fn assert_disks(text: &str, expected: &[(usize, &str)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(l, d)| (*l, (*d).to_owned()))
        .collect();
    assert_eq!(read(text).1, expected, "{text:?}");
}

#[test]
fn a_guests_file_is_read_with_the_lines_of_its_disks() {
    let text = "# a guest\nname = \"web\"\ntype = 'pv'\nmemory = 512; vcpus=2\nvif = [ 'bridge=xenbr0' ]\n\
        disk = [ 'drbd:web-root,xvda2,w', # the root\n\n         \"drbd:web-swap,xvda1,w\",\n]\nextra='#no comment'\n";
    let (name, disks) = read(text);
    assert_eq!(name.as_deref(), Some("web"));
    let expected = [(6, "drbd:web-root,xvda2,w"), (8, "drbd:web-swap,xvda1,w")];
    assert_eq!(disks, expected.map(|(line, disk)| (line, disk.to_owned())));
}

/// Each of these was given to libxlutil 4.17, which read the same.
#[test]
fn what_xls_own_parser_takes_is_taken_alike() {
    assert_disks("disk=[\n\n]\n", &[]);
    assert_disks("disk=['x']", &[(1, "x")]);
    assert_disks("disk=['x'] ", &[(1, "x")]);
    assert_disks("disk=['x']\ndisk=['y']", &[(2, "y")]);
    assert_disks("disk+=['x']\ndisk+=['y']\n", &[(1, "x"), (2, "y")]);
    assert_disks("disk=[5,0x1f,'y']\n", &[(1, "5"), (1, "0x1f"), (1, "y")]);
    assert_disks("disk=['x'];;;name='q'", &[(1, "x")]);
    assert_disks("a.b_1=5\ndisk=['x']\n", &[(2, "x")]);
    assert_disks("disk=['x'\n,'y']\n", &[(1, "x"), (2, "y")]);
    assert_disks("disk=['x\t y ']\n", &[(1, "x\t y ")]);
    assert_disks("disk=['ä']\n", &[(1, "ä")]);
    assert_disks("a=[]\ndisk=['x']\n\n", &[(2, "x")]);
    assert_disks(
        "disk=['x\\'y\"', 'a\\\\b', 'a\\tb', 'x\\01234y']\n",
        &[(1, "x'y\""), (1, "a\\b"), (1, "a\tb"), (1, "x4y")],
    );
    assert_eq!(read("name='a'\nname+='b'\n").0.as_deref(), Some("ab"));
    assert_eq!(read("name=5\n").0.as_deref(), Some("5"));
    for empty in ["", "\n", "#\n"] {
        assert_eq!(read(empty), (None, Vec::new()));
    }
}

/// So was each of these, which it refused.
#[test]
fn what_xls_own_parser_refuses_is_refused_with_its_line() {
    for (text, line, words) in [
        ("name='a'\n#end", 2, "has to end with a newline"),
        ("name='a'\r\n", 1, "DOS line ends"),
        ("disk=[,]\n", 1, "`,` stands where a value should"),
        (
            "disk=['x' 'y']\n",
            1,
            "the string 'y' stands where `,` or `]` should",
        ),
        (
            "a=1\ndisk=\n['x']\n",
            2,
            "the end of the line stands where a value",
        ),
        ("disk=['x\ny']\n", 1, "does not end on its line"),
        ("disk=['x\\qy']\n", 1, "\\q"),
        ("disk=['x\\x41y']\n", 1, "\\x"),
        ("disk=['x\\8y']\n", 1, "\\8"),
        ("disk=['x\\0y']\n", 1, "number after a backslash"),
        ("Disk=['x']\n", 1, "no `Disk=['x']`"),
        ("memory=512M\n", 1, "no `M`"),
        ("a=-1\n", 1, "no `-1`"),
        ("disk=('x')\n", 1, "no `('x')`"),
        ("disk=['x'", 1, "the end of the file stands where"),
        (
            "disk=['x',\n\n,'y']\n",
            3,
            "`,` stands where a value should",
        ),
        ("name=a\n", 1, "`a` stands where a value should"),
        ("a b=5\n", 1, "`b` stands where `=` should"),
        (
            "a=5 b=6\n",
            1,
            "`b` stands where the end of the line should",
        ),
        ("[x]\n", 1, "`[` stands where a setting should"),
        ("disk = [ 'x' ;\n 'y' ]\n", 1, "`;` stands where"),
        ("disk=['x']\ndisk+='y'\n", 2, "cannot be added"),
        ("\u{feff}name='a'\n", 1, "no `"),
    ] {
        let mistake = DomainFile::parse(text).unwrap_err();
        assert_eq!(mistake.line, line, "{text:?}: {mistake:?}");
        assert!(mistake.words.contains(words), "{text:?}: {mistake:?}");
    }
}

#[test]
fn a_hostile_file_is_refused_in_a_sentence() {
    let nested = format!("disk={}", "[".repeat(100_000));
    let long = format!("disk=['{}", "x".repeat(1 << 20));
    for text in [
        nested.as_str(),
        &long,
        "\0",
        "disk=['\0']\n",
        "\x7fELF\x02\x01\x01\0",
        "disk=['x\\",
        "disk=['x\\\n']",
        "'",
        "=",
        "]",
        "\x1b[2J\n",
    ] {
        let mistake = DomainFile::parse(text).unwrap_err();
        assert!(!mistake.words.contains(char::is_control), "{mistake:?}");
        assert!(mistake.words.len() < 200, "{mistake:?}");
    }
}

#[test]
fn disks_that_xl_passes_over_are_told() {
    let file = DomainFile::parse("name='a'\ndisk='drbd:web-root,xvda,w'\n").unwrap();
    assert_eq!(file.disks, []);
    assert_eq!(file.passed_over[0].line, 2);
    let file = DomainFile::parse("disk=['x',\n['y'],\n'z']\n").unwrap();
    assert_eq!(file.disks.len(), 1);
    assert_eq!(file.passed_over[0].line, 2);
}

proptest::proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in "(disk|name|[a-z0-9='\\[\\],;#\\\\\" \n\0\u{e4}+]){0,60}") {
        let _ = DomainFile::parse(&text);
    }
}
