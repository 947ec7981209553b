//! How an entry lies in the file.

/// Where a frame begins; not valid UTF-8, so it is rare in texts.
const MARK: [u8; 4] = [0xF5, b'R', b'J', 0xF6];
/// Mark, length and checksum.
const HEAD: usize = 12;
/// No entry is longer: a length beyond it is damage.
const LONGEST: usize = 1 << 26;

/// Appends the frame of this content.
pub(super) fn write(frames: &mut Vec<u8>, content: &[u8]) {
    frames.extend(MARK);
    frames.extend((content.len() as u32).to_le_bytes());
    frames.extend(checksum(content).to_le_bytes());
    frames.extend(content);
}

/// Of length and content, so that zeros are no frame.
fn checksum(content: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&(content.len() as u32).to_le_bytes());
    hasher.update(content);
    hasher.finalize()
}

/// What stands at a place in a file.
pub(super) enum Found<'a> {
    /// A whole frame, and where the next one begins.
    Frame(&'a [u8], usize),
    /// The beginning of a frame whose rest is not there, or not yet.
    Cut,
    /// Something else; what comes next may begin there.
    Damage(usize),
    /// Nothing more.
    End,
}

/// Looks at a place.
pub(super) fn read(bytes: &[u8], at: usize) -> Found<'_> {
    let rest = &bytes[at..];
    if rest.is_empty() {
        return Found::End;
    }
    if rest.len() < MARK.len() && MARK.starts_with(rest) {
        return Found::Cut;
    }
    if !rest.starts_with(&MARK) {
        return Found::Damage(next_mark(bytes, at));
    }
    let Some(head) = rest.get(..HEAD) else { return Found::Cut };
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let (length, expected) = (word(4) as usize, word(8));
    if length > LONGEST {
        return Found::Damage(next_mark(bytes, at));
    }
    match rest.get(HEAD..HEAD + length) {
        Some(content) if checksum(content) == expected => Found::Frame(content, at + HEAD + length),
        // A length that is damaged may point beyond the end, with whole frames before that.
        None if next_mark(bytes, at) == bytes.len() => Found::Cut,
        _ => Found::Damage(next_mark(bytes, at)),
    }
}

/// Where the next mark behind this place begins, or the end.
fn next_mark(bytes: &[u8], at: usize) -> usize {
    let found = bytes[at + 1..].windows(MARK.len()).position(|window| window == MARK);
    found.map_or(bytes.len(), |distance| at + 1 + distance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn contents(bytes: &[u8]) -> Vec<Vec<u8>> {
        let (mut at, mut found) = (0, Vec::new());
        loop {
            match read(bytes, at) {
                Found::Frame(content, next) => {
                    found.push(content.to_vec());
                    at = next;
                }
                Found::Damage(next) => at = next,
                Found::Cut | Found::End => return found,
            }
        }
    }

    fn frames(all: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        all.iter().for_each(|content| write(&mut bytes, content));
        bytes
    }

    #[test]
    fn zeros_are_no_frame() {
        assert!(contents(&[0; 64]).is_empty());
        assert!(matches!(read(&[], 0), Found::End));
    }

    proptest! {
        #[test]
        fn a_file_that_is_cut_anywhere_gives_the_frames_before(
            all in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..8), cut in any::<prop::sample::Index>()
        ) {
            let bytes = frames(&all);
            let kept = cut.index(bytes.len() + 1);
            let whole = (0..=all.len()).rev().find(|count| frames(&all[..*count]).len() <= kept).unwrap();
            prop_assert_eq!(contents(&bytes[..kept]), &all[..whole]);
        }

        #[test]
        fn one_damaged_byte_costs_one_frame(
            all in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..8),
            place in any::<prop::sample::Index>(), flip in 1u8..
        ) {
            let mut bytes = frames(&all);
            let place = place.index(bytes.len());
            bytes[place] ^= flip;
            let hit = (0..all.len()).find(|count| frames(&all[..*count + 1]).len() > place).unwrap();
            let mut left = all.clone();
            left.remove(hit);
            prop_assert_eq!(contents(&bytes), left);
        }
    }
}
