//! In which row the steps of journeys are counted.

use std::{cell::RefCell, sync::Arc};

use crate::measure::{Rows, Site, is_shown_as};

/// Where the steps of journeys are counted, as far as this thread has seen them.
pub struct Sites {
    rows: Arc<Rows>,
    seen: RefCell<Vec<Seen>>,
}

struct Seen {
    site: Site,
    row: usize,
    /// What the row is called.
    shown: String,
}

impl Sites {
    pub fn new(rows: Arc<Rows>) -> Self {
        Self { rows, seen: RefCell::default() }
    }

    /// The row of an operation called `name` that a journey of `group` performs at `site`.
    pub fn row(&self, group: usize, site: Site, name: &str) -> usize {
        let mut seen = self.seen.borrow_mut();
        let known = seen.iter_mut().find(|seen| seen.site == site);
        if let Some(known) = &known
            && is_shown_as(name, &known.shown)
        {
            return known.row;
        }
        let (row, shown) = self.rows.step(group, site, name);
        match known {
            Some(known) => known.shown = shown,
            None => seen.push(Seen { site, row, shown }),
        }
        row
    }

    /// The row of a part of `group` that is called `name`.
    pub fn part(&self, group: usize, name: &str) -> usize {
        self.rows.part(group, name)
    }
}
