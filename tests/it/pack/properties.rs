//! What must hold of walking any bytes. Fuzzed by `fuzz/fuzz_targets/containers.rs` as well.

use std::io::Write as _;

use trailpare::archive::{ContainerWalk, Event, Held, Limits};

fn limits() -> Limits {
    Limits { inflated_max_bytes: 64 << 20, growth_free_bytes: 8 << 20, entries_max: 20_000, ..Limits::default() }
}

fn is_harmless(name: &str) -> bool {
    // A name may have an exclamation mark of its own.
    !name.starts_with('/') && name.split(['/', '\\', '!']).all(|part| part != "..")
}

/// Walks all there is; names and bytes, as far as they are held.
fn walk(walk: &mut ContainerWalk, deeper: &mut Vec<ContainerWalk>) -> Vec<(String, usize)> {
    let mut members = Vec::new();
    let mut events = 0;
    while let Some(event) = walk.advance() {
        events += 1;
        assert!(events < 200_000, "it doesn't end");
        let Event::Member(member) = event else { continue };
        assert!(is_harmless(&member.name), "{}", member.name);
        match walk.hold(1 << 20) {
            Ok(Held::All(packed)) => {
                assert!(packed.len() <= 9 << 20);
                members.push((member.name.clone(), packed.len()));
                if packed.is_container() && deeper.len() < 64 {
                    deeper.extend(ContainerWalk::of_packed(packed, &member.name, &walk.within()).ok().flatten());
                }
            }
            Ok(Held::Large(_)) => drop(walk.read(4 << 20)),
            Err(_) => {}
        }
    }
    members
}

fn walk_all(data: &[u8]) -> Option<Vec<(String, usize)>> {
    let reader = Box::new(std::io::Cursor::new(data.to_vec()));
    let mut first = ContainerWalk::of_stream(reader, &limits()).ok()?.ok()?;
    let mut deeper = Vec::new();
    let mut members = walk(&mut first, &mut deeper);
    while let Some(mut next) = deeper.pop() {
        members.extend(walk(&mut next, &mut deeper));
    }
    Some(members)
}

/// Walks bytes as they come, and out of a file, where a zip has its directory.
pub fn walked(data: &[u8]) {
    let streamed = walk_all(data);
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(data).expect("written");
    if let Ok(mut opened) = ContainerWalk::open(file.path(), &limits()) {
        assert!(streamed.is_some(), "a container in a file, and none otherwise");
        walk(&mut opened, &mut Vec::new());
    }
}
