//! The rows of a load's results: one for each group, and one for each of its parts (step, share of a mix, stage).

use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicUsize, Ordering},
};

/// Parts of one load that have a row of their own; what comes later is counted in the row `other`.
pub const MOST_PARTS: usize = 64;
/// The row of the parts beyond [`MOST_PARTS`].
pub const OTHER: &str = "other";

/// What one row is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowName {
    pub name: String,
    /// The number of its group.
    pub group: usize,
    /// Whether it counts calls that another row counts as well: a step of a journey, a share of a mix, a stage.
    pub is_part: bool,
}

/// A place in a script that performs an operation: what tells the steps of a journey apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Site {
    /// A hash of the file's name.
    pub file: u64,
    pub line: u32,
    pub column: u32,
}

/// All rows of a load, by number. Threads ask it only for what they have not seen yet.
pub struct Rows {
    known: Mutex<Known>,
    /// Rises with every change, so that a reader sees without locking whether there is one.
    version: AtomicUsize,
}

#[derive(Default)]
struct Known {
    rows: Vec<RowName>,
    sites: Vec<(usize, Site, usize)>,
    other: Option<usize>,
}

impl Rows {
    /// The rows of the groups, in their order.
    pub fn new(groups: impl IntoIterator<Item = String>) -> Self {
        let whole = |(group, name)| RowName { name, group, is_part: false };
        let rows = groups.into_iter().enumerate().map(whole).collect();
        Self { known: Mutex::new(Known { rows, ..Known::default() }), version: AtomicUsize::new(1) }
    }

    /// The number of the row of a part of `group`, made if it is new.
    pub fn part(&self, group: usize, name: &str) -> usize {
        let mut known = self.known();
        match known.find(group, name) {
            Some(row) => row,
            None => self.add(&mut known, group, name.to_owned()),
        }
    }

    /// The row of an operation called `name` that is performed at `site` of a journey of `group`, and how that row is
    /// called now.
    ///
    /// A site has one row, whatever is performed there. Where names differ from call to call, as `GET /users/17` and
    /// `GET /users/4` do, the row is called by what they begin with: `GET /users/…`.
    pub fn step(&self, group: usize, site: Site, name: &str) -> (usize, String) {
        let mut known = self.known();
        let row = known.sites.iter().find(|(of, at, _)| (*of, *at) == (group, site)).map(|(.., row)| *row);
        let Some(row) = row else {
            let row = match known.find(group, name) {
                // The same operation at another place.
                Some(row) => row,
                None => self.add(&mut known, group, name.to_owned()),
            };
            known.sites.push((group, site, row));
            return (row, known.rows[row].name.clone());
        };
        let shown = &known.rows[row].name;
        if !is_shown_as(name, shown) && Some(row) != known.other {
            let mut common = common_start(shown.trim_end_matches('…'), name);
            // Two places whose names begin alike are still two.
            if known.find(group, &common).is_some() {
                common = format!("{common} (line {})", site.line);
            }
            known.rows[row].name = common;
            self.version.fetch_add(1, Ordering::Release);
        }
        (row, known.rows[row].name.clone())
    }

    /// All rows as they are called now, if anything changed since `seen`, which is then brought up to date.
    pub fn changed(&self, seen: &mut usize) -> Option<Arc<[RowName]>> {
        let version = self.version.load(Ordering::Acquire);
        (version != *seen).then(|| {
            *seen = version;
            self.known().in_full()
        })
    }

    /// Whether there were more parts than rows.
    pub fn is_full(&self) -> bool {
        self.known().other.is_some()
    }

    fn add(&self, known: &mut Known, group: usize, name: String) -> usize {
        if let Some(other) = known.other {
            return other;
        }
        let parts = known.rows.iter().filter(|row| row.is_part).count();
        let full = parts >= MOST_PARTS;
        let name = if full { OTHER.to_owned() } else { name };
        known.rows.push(RowName { name, group, is_part: true });
        let row = known.rows.len() - 1;
        if full {
            known.other = Some(row);
        }
        self.version.fetch_add(1, Ordering::Release);
        row
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("nothing panics while it holds the rows")
    }
}

impl Known {
    /// The rows by names that tell them apart: a part's name stands behind its group's where there are several groups,
    /// or where it is the same.
    fn in_full(&self) -> Arc<[RowName]> {
        let groups = self.rows.iter().filter(|row| !row.is_part).count();
        let in_full = |row: &RowName| {
            let whole = &self.rows[row.group].name;
            let name = match row.is_part && (groups > 1 || row.name == *whole) {
                true => format!("{whole}: {}", row.name),
                false => row.name.clone(),
            };
            RowName { name, ..row.clone() }
        };
        self.rows.iter().map(in_full).collect()
    }

    fn find(&self, group: usize, name: &str) -> Option<usize> {
        self.rows.iter().position(|row| row.is_part && row.group == group && row.name == name)
    }
}

/// Whether an operation called `name` belongs to a row that is called `shown`.
pub fn is_shown_as(name: &str, shown: &str) -> bool {
    name == shown
        || shown.split_once('…').is_some_and(|(start, line)| {
            name.starts_with(start) && (line.is_empty() || line.starts_with(" (line "))
        })
}

/// What both begin with, up to the last character that is neither letter nor digit, and `…`.
fn common_start(a: &str, b: &str) -> String {
    let same = a.char_indices().zip(b.chars()).take_while(|((_, a), b)| a == b);
    let end =
        same.filter(|((_, c), _)| !c.is_alphanumeric()).last().map_or(0, |((at, c), _)| at + c.len_utf8());
    format!("{}…", &a[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(line: u32) -> Site {
        Site { file: 1, line, column: 9 }
    }

    #[test]
    fn a_site_is_called_by_what_its_names_begin_with() {
        let rows = Rows::new(["journey".to_owned()]);
        let (row, name) = rows.step(0, site(3), "GET /users/17");
        assert_eq!((row, name.as_str()), (1, "GET /users/17"));
        assert_eq!(rows.step(0, site(3), "GET /users/171"), (1, "GET /users/…".to_owned()));
        assert_eq!(rows.step(0, site(3), "GET /users/4").1, "GET /users/…");
        assert_eq!(rows.step(0, site(3), "GET /items/4").1, "GET /…");
        assert_eq!(rows.step(0, site(5), "login").0, 2);
        assert_eq!(rows.step(0, site(6), "login").0, 2, "the same operation is the same row");
        let mut seen = 0;
        let names = rows.changed(&mut seen).unwrap();
        assert_eq!(
            names.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(),
            ["journey", "GET /…", "login"]
        );
        assert!(rows.changed(&mut seen).is_none());
    }

    #[test]
    fn the_order_of_the_calls_does_not_matter() {
        let names = ["GET /a/1/x", "GET /a/12/x", "GET /a/2"];
        for turn in 0..3 {
            let rows = Rows::new(["journey".to_owned()]);
            (0..3).for_each(|at| drop(rows.step(0, site(1), names[(turn + at) % 3])));
            assert_eq!(rows.step(0, site(1), names[0]).1, "GET /a/…");
        }
    }

    #[test]
    fn two_places_whose_names_begin_alike_stay_apart() {
        let rows = Rows::new(["journey".to_owned()]);
        for id in ["1", "2"] {
            rows.step(0, site(1), &format!("GET /a/{id}"));
            rows.step(0, site(2), &format!("GET /a/{id}{id}"));
        }
        assert_eq!(rows.step(0, site(1), "GET /a/3"), (1, "GET /a/…".to_owned()));
        assert_eq!(rows.step(0, site(2), "GET /a/3"), (2, "GET /a/… (line 2)".to_owned()));
    }

    #[test]
    fn parts_beyond_the_last_row_are_others() {
        let rows = Rows::new(["journey".to_owned()]);
        let numbers: Vec<usize> =
            (0..70).map(|line| rows.step(0, site(line), &format!("step {line}")).0).collect();
        assert_eq!(numbers[63], 64);
        assert!(numbers[64..].iter().all(|row| *row == 65), "{numbers:?}");
        assert!(rows.is_full());
    }
}
