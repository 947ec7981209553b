//! What differs between two texts, line by line.

/// A line of either text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// In both.
    Same(&'a str),
    /// In the first only.
    Removed(&'a str),
    /// In the second only.
    Added(&'a str),
}

/// Lines beyond which texts are not compared: the table of the comparison grows with their product.
const MOST_LINES: usize = 2000;

/// Both texts as one list of lines, those they share only once; `None` for long texts.
pub(super) fn difference<'a>(one: &'a str, other: &'a str) -> Option<Vec<Line<'a>>> {
    let (old, new): (Vec<&str>, Vec<&str>) = (one.lines().collect(), other.lines().collect());
    if old.len().max(new.len()) > MOST_LINES {
        return None;
    }
    let shared = shared(&old, &new);
    let (mut lines, mut i, mut j) = (Vec::new(), 0, 0);
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push(Line::Same(old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || i < old.len() && shared[i + 1][j] >= shared[i][j + 1] {
            lines.push(Line::Removed(old[i]));
            i += 1;
        } else {
            lines.push(Line::Added(new[j]));
            j += 1;
        }
    }
    Some(lines)
}

/// Length of the longest common subsequence of `old[i..]` and `new[j..]`.
fn shared(old: &[&str], new: &[&str]) -> Vec<Vec<u32>> {
    let mut table = vec![vec![0; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            table[i][j] = if old[i] == new[j] { table[i + 1][j + 1] + 1 } else { table[i + 1][j].max(table[i][j + 1]) };
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_line_is_removed_and_added() {
        let lines = difference("a\nb\nc", "a\nx\nc\nd").unwrap();
        let expected = [Line::Same("a"), Line::Removed("b"), Line::Added("x"), Line::Same("c"), Line::Added("d")];
        assert_eq!(lines, expected);
    }

    #[test]
    fn empty_and_long_texts_are_no_trouble() {
        assert_eq!(difference("", "").unwrap(), []);
        assert_eq!(difference("", "a").unwrap(), [Line::Added("a")]);
        assert_eq!(difference(&"a\n".repeat(3000), "a"), None);
    }
}
