use super::*;
use crate::comm::Serial;
use crate::error::ErrorKind;
use proptest::prelude::*;
use std::fs;

fn folder() -> (tempfile::TempDir, Folder) {
    let root = tempfile::tempdir().unwrap();
    let folder = Folder::new(root.path().join("job.checkpoint"));
    (root, folder)
}

fn save(folder: &Folder, facts: &[u8], rows: &[&[u8]]) -> Result<Manifest> {
    let manifest = Manifest { format: FORMAT, ..Manifest::default() };
    write(&Serial, folder, manifest, |part| {
        part.facts(facts)?;
        rows.iter().try_for_each(|rows| part.rows(rows.to_vec()).map(|_| ()))
    })
}

fn load(folder: &Folder, generation: u64) -> Result<(Vec<u8>, Vec<u8>)> {
    let manifest = folder.manifest(generation)?;
    let mut part = PartReader::open(&folder.part(generation, 0), &manifest.parts[0])?;
    let facts = part.facts()?;
    let mut rows = vec![0; part.row_bytes() as usize];
    part.rows(0, &mut rows)?;
    Ok((facts, rows))
}

fn names(folder: &Folder) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn only_the_newest_generation_stays() {
    let (_root, folder) = folder();
    for generation in 1..4 {
        assert_eq!(save(&folder, &[generation], &[b"rows"]).unwrap().generation, u64::from(generation));
        assert_eq!(load(&folder, generation.into()).unwrap(), (vec![generation], b"rows".to_vec()));
        assert_eq!(names(&folder), [format!("{generation}.manifest.json"), format!("{generation}.rank-0.bin")]);
    }
    fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    folder.remove().unwrap();
    assert_eq!(names(&folder), ["notes.txt"], "what is not ours stays");
    fs::remove_file(folder.path().join("notes.txt")).unwrap();
    folder.remove().unwrap();
    assert!(!folder.path().exists());
    folder.remove().unwrap();
}

#[test]
fn rows_can_be_read_in_any_pieces() {
    let (_root, folder) = folder();
    let rows: Vec<u8> =
        (0..(9u32 << 20) / 4).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let (one, other) = rows.split_at((5 << 20) + 7);
    let manifest = save(&folder, b"facts", &[one, &[], other]).unwrap();
    let mut part = PartReader::open(&folder.part(1, 0), &manifest.parts[0]).unwrap();
    assert_eq!(part.facts().unwrap(), b"facts");
    for (from, count) in [(0, 1), (4 << 20, 10), ((4 << 20) - 9, 20), (1, 8 << 20), ((9 << 20) - 3, 3), (5, 0)] {
        let mut out = vec![0; count];
        part.rows(from as u64, &mut out).unwrap();
        assert!(out == rows[from..from + count], "{count} from {from}");
    }
    assert!(part.rows((9 << 20) - 3, &mut [0; 4]).unwrap_err().what.contains("fewer rows"));
}

#[test]
fn what_a_killed_run_leaves_is_no_checkpoint_and_goes_with_the_next() {
    let (_root, folder) = folder();
    save(&folder, b"old", &[b"rows"]).unwrap();
    // Killed while its part was written; before its manifest; while that was written.
    for leftover in ["2.rank-0.bin.partial", "2.rank-0.bin", "2.rank-1.bin", "2.manifest.json.partial"] {
        fs::write(folder.path().join(leftover), b"half").unwrap();
        assert_eq!(folder.generations().unwrap(), [1]);
        assert_eq!(load(&folder, 1).unwrap().0, b"old");
    }
    assert_eq!(save(&folder, b"new", &[]).unwrap().generation, 3);
    assert_eq!(names(&folder), ["3.manifest.json", "3.rank-0.bin"]);
    // Killed before the older generation was removed: both are there.
    fs::copy(folder.path().join("3.rank-0.bin"), folder.path().join("4.rank-0.bin")).unwrap();
    let newer = Manifest { generation: 4, ..folder.manifest(3).unwrap() };
    folder.publish(&newer).unwrap();
    assert_eq!(folder.generations().unwrap(), [4, 3]);
}

#[test]
fn failures_name_the_file_and_leave_the_older_generation() {
    let (_root, folder) = folder();
    save(&folder, b"old", &[b"rows"]).unwrap();
    // A file cannot take the name of a folder: the renaming of the part fails, or that of the manifest.
    for (generation, taken) in [(2, "2.rank-0.bin"), (2, "2.manifest.json")] {
        let in_the_way = folder.path().join(taken);
        let manifest = Manifest { format: FORMAT, ..Manifest::default() };
        let error = write(&Serial, &folder, manifest, |part| {
            fs::create_dir_all(in_the_way.join("full")).unwrap();
            part.facts(b"new")
        });
        let error = error.unwrap_err();
        assert!(error.kind == ErrorKind::Resource && error.to_string().contains(taken), "{error}");
        assert_eq!(folder.begin().unwrap(), generation + 1, "what is in the way is still there");
        fs::remove_dir_all(in_the_way).unwrap();
        assert_eq!((folder.begin().unwrap(), load(&folder, 1).unwrap().0), (2, b"old".to_vec()));
    }
    let refused = write(&Serial, &folder, Manifest::default(), |_| Err(Error::resource("no rows")));
    assert_eq!(refused.unwrap_err().what, "no rows");
    assert_eq!(names(&folder), ["1.manifest.json", "1.rank-0.bin"]);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let (root, _) = folder();
    fs::write(root.path().join("file"), "").unwrap();
    let error = save(&Folder::new(root.path().join("file/job.checkpoint")), b"", &[]).unwrap_err();
    assert!(error.kind == ErrorKind::Resource && error.to_string().contains("file/job.checkpoint"), "{error}");
}

#[test]
fn another_format_is_refused_with_both_numbers() {
    let (_root, folder) = folder();
    let manifest = save(&folder, b"", &[]).unwrap();
    folder.publish(&Manifest { format: FORMAT + 1, ..manifest }).unwrap();
    let error = folder.manifest(1).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Input);
    assert!(error.what.contains("format 2") && error.what.contains("format 1"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever bit of a part flips, and wherever it ends too early, reading it fails and says so.
    #[test]
    fn damage_is_noticed(facts: Vec<u8>, rows: Vec<u8>, place: prop::sample::Index, bit in 0..8u8, cut: bool) {
        let (_root, folder) = folder();
        save(&folder, &facts, &[&rows]).unwrap();
        prop_assert_eq!(load(&folder, 1).unwrap(), (facts, rows));
        let path = folder.part(1, 0);
        let mut bytes = fs::read(&path).unwrap();
        let at = place.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] ^= 1 << bit }
        fs::write(&path, &bytes).unwrap();
        let outcome = load(&folder, 1);
        prop_assert!(outcome.is_err(), "byte {} of {}", at, bytes.len());
        prop_assert!(outcome.unwrap_err().what.contains("damaged"));
    }
}

#[test]
fn a_damaged_generation_gives_way_to_the_one_before() {
    let (_root, folder) = folder();
    save(&folder, b"old", &[b"rows"]).unwrap();
    let kept: Vec<(String, Vec<u8>)> =
        names(&folder).into_iter().map(|name| (name.clone(), fs::read(folder.path().join(name)).unwrap())).collect();
    let newer = save(&folder, b"new", &[b"rows"]).unwrap();
    assert_eq!(newest(&Serial, &folder).unwrap(), Some(newer));
    // As when the run was killed before it removed the older one.
    kept.iter().for_each(|(name, content)| fs::write(folder.path().join(name), content).unwrap());
    let path = folder.part(2, 0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[17] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_eq!(newest(&Serial, &folder).unwrap().map(|manifest| manifest.generation), Some(1));
    fs::remove_file(folder.part(1, 0)).unwrap();
    let error = newest(&Serial, &folder).unwrap_err();
    assert!(error.to_string().contains("2.rank-0.bin") && error.to_string().contains("--fresh"), "{error}");
    folder.remove().unwrap();
    assert_eq!(newest(&Serial, &folder).unwrap(), None);
}
