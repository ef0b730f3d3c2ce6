//! Links: each leads to a file that is there, and to a heading of it. Without a network: addresses are passed over.

use std::path::{Component, Path, PathBuf};

use super::page::Page;
use super::root;

/// Links that lead nowhere.
pub fn faults(pages: &[Page]) -> Vec<String> {
    let mut faults = Vec::new();
    for page in pages {
        let links = page.links.iter().filter(|(_, to)| !to.contains("://") && !to.starts_with("mailto:"));
        for (line, to) in links {
            if let Some(fault) = fault(page, to, pages) {
                faults.push(format!("{}:{line}: {to}: {fault}", page.path.display()));
            }
        }
    }
    faults
}

fn fault(page: &Page, to: &str, pages: &[Page]) -> Option<String> {
    let (file, anchor) = to.split_once('#').map_or((to, None), |(file, anchor)| (file, Some(anchor)));
    let folder = page.path.parent().unwrap_or(Path::new(""));
    let target = if file.is_empty() { page.path.clone() } else { plain(&folder.join(file)) };
    // mdBook has what lies in docs/ and nothing else.
    if page.path.starts_with("docs") && !target.starts_with("docs") {
        return Some("it leads out of the book".to_owned());
    }
    let of_book = pages.iter().find(|page| page.path == target);
    if of_book.is_none() && !root().join(&target).is_file() {
        return Some("no such file".to_owned());
    }
    match (anchor, of_book) {
        (Some(anchor), Some(page)) if !page.anchors.iter().any(|known| known == anchor) => {
            Some(format!("no such heading, of {:?}", page.anchors))
        }
        (Some(_), None) => Some("an anchor in what is no page".to_owned()),
        _ => None,
    }
}

/// Without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, part| {
        match part {
            Component::ParentDir if plain.pop() => {}
            Component::CurDir => {}
            part => plain.push(part),
        }
        plain
    })
}
