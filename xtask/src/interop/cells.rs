//! The cells of the matrix: which are wanted, how each went, and the sum of it all.

use std::time::Duration;

use crate::Failure;

/// Counts cells and remembers the red ones.
pub(crate) struct Cells {
    filters: Vec<String>,
    green: usize,
    red: Vec<String>,
}

impl Cells {
    pub(crate) fn new(filters: &[String]) -> Self {
        Self { filters: filters.to_vec(), green: 0, red: Vec::new() }
    }

    pub(crate) fn wants(&self, name: &str) -> bool {
        self.filters.iter().all(|filter| name.contains(filter.as_str()))
    }

    pub(crate) fn green(&mut self, name: &str, took: Duration) {
        println!("    ok    {name:<62} {:>6} ms", took.as_millis());
        self.green += 1;
    }

    pub(crate) fn red(&mut self, name: &str, why: &str) {
        println!("    RED   {name}\n          {why}");
        self.red.push(name.to_owned());
    }

    /// Fails if a cell is red, or if there was none.
    pub(crate) fn verdict(self) -> Result<(), Failure> {
        let Self { filters, green, red } = self;
        if green + red.len() == 0 {
            return Err(Failure::new(format!("    no cell contains {}", filters.join(" and "))));
        }
        if red.is_empty() {
            println!("    {green} cells, all green");
            return Ok(());
        }
        Err(Failure::new(format!("    {green} cells green, {} red:\n      {}", red.len(), red.join("\n      "))))
    }
}
