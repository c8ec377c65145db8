//! Where the files of a tree lie: a path is a function of the file's number.

use std::fmt::Write;

use super::settings::TreeOptions;

/// Folders on some levels; only those of the lowest hold files.
#[derive(Debug, Clone)]
pub struct Places {
    folders: u64,
    depth: u32,
    /// Folders in each folder of the upper levels, where they are full.
    fan: u64,
}

impl Places {
    pub fn new(options: &TreeOptions) -> Self {
        let (folders, depth) = (u64::from(options.folders), options.depth);
        let fan = (1..=folders)
            .find(|fan| fan.checked_pow(depth).is_none_or(|leaves| leaves >= folders))
            .expect("as many as there are folders are enough on any number of levels");
        Self { folders, depth, fan }
    }

    /// `d0/d3/f17`: neighbours in number lie in different folders.
    pub fn file(&self, number: u64) -> String {
        let mut path = self.folder(number % self.folders, self.depth);
        write!(path, "/f{number}").expect("a text takes what is written");
        path
    }

    /// All folders, those above before those below.
    pub fn all_folders(&self) -> impl Iterator<Item = String> + '_ {
        (0..self.folders).flat_map(move |leaf| {
            let new = (1..=self.depth).filter(move |levels| leaf.is_multiple_of(self.below(*levels)));
            new.map(move |levels| self.folder(leaf, levels))
        })
    }

    /// The first `levels` folders on the way to a folder of the lowest level.
    fn folder(&self, leaf: u64, levels: u32) -> String {
        let mut path = String::with_capacity(32);
        for level in 1..=levels {
            let between = if level > 1 { "/" } else { "" };
            let number = leaf / self.below(level) % self.fan;
            write!(path, "{between}d{number}").expect("a text takes what is written");
        }
        path
    }

    /// Folders of the lowest level in one that is so many levels down.
    fn below(&self, levels: u32) -> u64 {
        self.fan.pow(self.depth - levels)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn places(folders: u32, depth: u32) -> Places {
        Places::new(&TreeOptions { folders, depth, ..TreeOptions::default() })
    }

    #[test]
    fn files_spread_evenly_over_folders_that_are_made_top_down() {
        assert_eq!(places(1, 1).file(7), "d0/f7");
        assert_eq!(places(100, 2).file(1234), "d3/d4/f1234");
        assert_eq!(places(1, 3).file(0), "d0/d0/d0/f0");
        for (folders, depth) in [(1, 1), (5, 1), (5, 2), (9, 2), (10, 3), (1_000, 3), (3, 16)] {
            let places = places(folders, depth);
            let mut made = BTreeSet::new();
            for folder in places.all_folders() {
                let above = folder.rsplit_once('/').map(|(above, _)| above.to_owned());
                assert!(above.is_none_or(|above| made.contains(&above)), "{folder}");
                assert!(made.insert(folder.clone()), "{folder} twice");
            }
            let used: BTreeSet<_> = (0..u64::from(folders) * 2)
                .map(|number| places.file(number).rsplit_once('/').unwrap().0.to_owned())
                .collect();
            assert_eq!(used.len(), folders as usize);
            assert!(used.is_subset(&made));
        }
    }
}
