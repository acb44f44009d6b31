//! The cells of the matrix: which are wanted, how each went, and the sum of it all.

use std::time::Duration;

use crate::Failure;

/// Counts cells and remembers the red ones.
pub(crate) struct Cells {
    filters: Vec<String>,
    green: usize,
    absent: usize,
    red: Vec<String>,
}

/// How a case of a row went.
pub(crate) enum Cell {
    Green,
    /// One of the two programs does not have it.
    Absent,
    Red(String),
}

impl Cell {
    /// What lacks a case has to fail it.
    pub(crate) fn of(outcome: Result<(), String>, is_absent: bool) -> Self {
        match (outcome, is_absent) {
            (Ok(()), false) => Self::Green,
            (Err(why), false) => Self::Red(why),
            (Err(_), true) => Self::Absent,
            (Ok(()), true) => Self::Red("it passes: take it out of interop/grpc/absent.txt".to_owned()),
        }
    }

    fn mark(&self) -> &'static str {
        match self {
            Self::Green => "",
            Self::Absent => " -",
            Self::Red(_) => " RED",
        }
    }
}

impl Cells {
    pub(crate) fn new(filters: &[String]) -> Self {
        Self { filters: filters.to_vec(), green: 0, absent: 0, red: Vec::new() }
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

    /// Several cases of one pair, in one line.
    pub(crate) fn row(&mut self, name: &str, cases: Vec<(&str, Cell)>, took: Duration) {
        let is_red = cases.iter().any(|(_, cell)| matches!(cell, Cell::Red(_)));
        let mark = if is_red { "RED  " } else { "ok   " };
        let shown: Vec<_> = cases.iter().map(|(case, cell)| format!("{case}{}", cell.mark())).collect();
        println!("    {mark} {name:<47} {:>6} ms  {}", took.as_millis(), shown.join(", "));
        for (case, cell) in cases {
            match cell {
                Cell::Green => self.green += 1,
                Cell::Absent => self.absent += 1,
                Cell::Red(why) => {
                    println!("          {case}: {why}");
                    self.red.push(format!("{name}  {case}"));
                }
            }
        }
    }

    /// Fails if a cell is red, or if there was none.
    pub(crate) fn verdict(self) -> Result<(), Failure> {
        let Self { filters, green, absent, red } = self;
        if green + absent + red.len() == 0 {
            return Err(Failure::new(format!("    no cell contains {}", filters.join(" and "))));
        }
        if red.is_empty() {
            println!("    {green} cells, all green; {absent} that others lack");
            return Ok(());
        }
        Err(Failure::new(format!("    {green} cells green, {} red:\n      {}", red.len(), red.join("\n      "))))
    }
}
