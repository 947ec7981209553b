//! Bytes of a file that should be text.

use crate::error::{Error, Result};

/// The text in a file's bytes, without a byte order mark; `file` is its name in messages.
///
/// # Errors
/// Input error if there is nothing but white space, or with the line of the first byte that is zero or not UTF-8.
pub fn decode<'a>(bytes: &'a [u8], file: &str) -> Result<&'a str> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let valid = std::str::from_utf8(bytes).map_err(|error| error.valid_up_to());
    let zero = bytes.iter().position(|byte| *byte == 0);
    match (valid, zero) {
        (Ok(text), None) if text.trim().is_empty() => {
            Err(Error::input("the file is empty").in_file(file).next("is it the right file, and written to the end?"))
        }
        (Ok(text), None) => Ok(text),
        (Ok(_), Some(place)) => Err(binary(bytes, place, file)),
        (Err(place), zero) => Err(binary(bytes, zero.map_or(place, |zero| zero.min(place)), file)),
    }
}

/// The text with the value of each definition in place of its `{name}`; lines stay where they are. `file` is the text's name
/// in messages.
///
/// # Errors
/// Input error for a name that does not occur, or is no name, and for a value of several lines.
pub fn with_definitions(text: &str, definitions: &[(String, String)], file: &str) -> Result<String> {
    definitions.iter().try_fold(text.to_string(), |text, (name, value)| {
        let placeholder = format!("{{{name}}}");
        let is_name = !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        if !is_name || value.contains(['\n', '\r']) {
            return Err(Error::input(format!("`{name}={value}` defines nothing"))
                .allowed("NAME=VALUE, a name of letters, digits and _, a value of one line"));
        }
        if !text.contains(&placeholder) {
            return Err(Error::input(format!("{placeholder} does not occur, but `{name}` is defined"))
                .in_file(file)
                .next(format!("write {placeholder} where the value is to stand")));
        }
        Ok(text.replace(&placeholder, value))
    })
}

fn binary(bytes: &[u8], place: usize, file: &str) -> Error {
    let line = 1 + bytes[..place].iter().filter(|byte| **byte == b'\n').count();
    let what = format!("this is not a text file: byte {place} is 0x{:02x}", bytes[place]);
    Error::input(what).in_file(file).at_line(line).allowed("UTF-8 text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_passes() {
        assert_eq!(decode("\u{feff}é = 1\n".as_bytes(), "f").unwrap(), "é = 1\n");
    }

    #[test]
    fn definitions_stand_where_their_names_are() {
        let define = |name: &str, value: &str| {
            with_definitions("a = \"{n}_{n}\"\nb = { c = 1 }", &[(name.into(), value.into())], "job.toml")
        };
        assert_eq!(define("n", "12").unwrap(), "a = \"12_12\"\nb = { c = 1 }");
        let missing = define("qubits", "12").unwrap_err().to_string();
        assert!(missing.starts_with("job.toml: {qubits} does not occur"), "{missing}");
        assert!(define("n", "1\n2").is_err() && define("", "1").is_err() && define("n n", "1").is_err());
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_line() {
        let cases: [(&[u8], &str); 5] = [
            (b"", "f: the file is empty"),
            (b" \n\n", "f: the file is empty"),
            (b"\x89HDF\r\n", "f:1: this is not a text file: byte 0 is 0x89"),
            (b"a = 1\nb\0", "f:2: this is not a text file: byte 7 is 0x00"),
            (b"a\0\n\xff", "f:1: this is not a text file: byte 1 is 0x00"),
        ];
        for (bytes, expected) in cases {
            let message = decode(bytes, "f").unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
