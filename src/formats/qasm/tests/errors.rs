//! Limits, and files that are not circuits. Wrong programs are in `tests/configs/qasm_bad`.

use super::*;

#[test]
fn files_that_are_not_text_are_refused() {
    let bytes = |bytes: &[u8]| parse(bytes, Path::new("a/b.qasm"), &Options::default(), &mut no_files).unwrap_err();
    assert!(bytes(b"").to_string().starts_with("a/b.qasm: the file is empty"));
    assert!(bytes(b" \n// nothing\n").what.contains("empty"));
    let binary = bytes(b"OPENQASM 2.0;\n\x89HDF\xff\xfe");
    assert_eq!((binary.line, binary.what.as_str()), (Some(2), "the file is not text (UTF-8)"));
    assert!(bytes(b"OPENQASM 2.0;\n\0\0").what.contains("not text"));
    let headless = bytes(b"qreg q[2];");
    assert!(headless.next.unwrap().contains("OPENQASM 2.0;"));
}

#[test]
fn truncated_text_is_refused() {
    let source = "OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[2] q; /* note */\ngate g a { x a; }\nfor int i in [0:1] { g q[i]; }\n";
    for end in 0..source.len() - 1 {
        if let Err(error) = read(&source[..end]) {
            assert!(error.line.is_some() || error.what.contains("empty") || error.what.contains("no qubit"), "{error}");
        }
    }
    assert!(refusal("OPENQASM 2.0; gate g a { U(0,0,0) a;").what.contains("does not end"));
}

#[test]
fn nesting_is_limited_long_before_the_stack_ends() {
    let many = 100_000;
    let expression = |text: String| format!("OPENQASM 3.0; qubit q; U(0, 0, {text}) q;");
    for text in [
        "(".repeat(many),
        format!("{}1{}", "(".repeat(many), ")".repeat(many)),
        format!("{}1", "-".repeat(many)),
        format!("1{}", "+1".repeat(many)),
        format!("1{}", "**1".repeat(many)),
        format!("{}1{}", "sin(".repeat(many), ")".repeat(many)),
        format!("{}1{}", "q[".repeat(many), "]".repeat(many)),
        format!("q{}", "[0]".repeat(many)),
    ] {
        let error = refusal(&expression(text));
        assert!(error.what.contains("deep"), "{error}");
    }
    for block in ["{", "if (true) ", "for int i in [0:0] ", "box {", "gate g a {"] {
        assert!(read(&format!("OPENQASM 3.0; qubit q; {}", block.repeat(many))).is_err(), "{block}");
    }
    let tests = format!("OPENQASM 3.0; qubit q; bit c; if ({}c) U(0,0,1) q;", "!".repeat(150));
    assert!(read(&tests).is_ok());
}

#[test]
fn circuits_that_unroll_without_end_are_refused_at_once() {
    let refused = |body: &str| refusal(&format!("OPENQASM 3.0; qubit q; {body}"));
    for body in [
        "for int i in [0:1000000000] U(0,0,1) q;",
        "for int i in [0:1000000000000000000000] {}",
        "for int i in [-170141183460469231731687303715884105727:170141183460469231731687303715884105727] {}",
    ] {
        assert!(
            refused(body).to_string().contains("loop") || refused(body).what.contains("range"),
            "{}",
            refused(body)
        );
    }
    let doubling: String = (1..40).map(|n| format!("gate g{n} a {{ g{} a; g{} a; }} ", n - 1, n - 1)).collect();
    let error = refused(&format!("gate g0 a {{ }} {doubling} g39 q;"));
    assert!(error.what.contains("10000000"), "{error}");
    let nested = "for int i in [1:3000] { for int j in [1:3000] { for int k in [1:3000] {} } }";
    assert!(refused(nested).what.contains("10000000"));
}

#[test]
fn definitions_in_a_circle_are_refused() {
    let error = refusal("OPENQASM 2.0; include \"qelib1.inc\"; gate g a { x a; } gate x a { g a; } qreg q[1]; g q[0];");
    assert!(error.what.contains("deep"), "{error}");
    let blocks = |inner: &str| format!("{}{inner}{}", "for int i in [0:0] { ".repeat(50), "}".repeat(50));
    let tower: String = (1..90).map(|n| format!("gate g{n} a {{ {} }}\n", blocks(&format!("g{} a;", n - 1)))).collect();
    let error = refusal(&format!("OPENQASM 3.0; gate g0 a {{ U(0,0,1) a; }} {tower} qubit q; g89 q;"));
    assert!(error.what.contains("deep"), "{error}");
    let mut endless = |_: &Path| Ok(b"include \"again.inc\";".to_vec());
    let error =
        parse(b"OPENQASM 2.0; include \"again.inc\";", Path::new("x"), &Options::default(), &mut endless).unwrap_err();
    assert!(error.what.contains("include one another"), "{error}");
}

#[test]
fn errors_in_included_files_name_the_included_file() {
    let mut files = |_: &Path| Ok(b"gate a x { U(0,0,1) x; }\n gate b x { a x, x; }\n".to_vec());
    let source = b"OPENQASM 2.0;\ninclude \"lib.inc\";\nqreg q[1];\n\nb q[0];";
    let error = parse(source, Path::new("main.qasm"), &Options::default(), &mut files).unwrap_err();
    assert_eq!((error.file.as_deref(), error.line), (Some("lib.inc"), Some(2)), "{error}");
    let error =
        parse(b"OPENQASM 2.0;\n include \"gone.inc\";", Path::new("main.qasm"), &Options::default(), &mut no_files);
    assert_eq!(error.unwrap_err().to_string(), "main.qasm:2: cannot include `gone.inc`: no such file");
}
