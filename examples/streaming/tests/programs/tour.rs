//! The launch in one process.

use crate::program::Program;

#[test]
fn a_rocket_starts_after_the_countdown() {
    let (mut tour, _) = Program::serve(env!("CARGO_BIN_EXE_tour"), &[]);
    for expected in
        ["      : flight joined", "      : range joined", "flight: Range, go or no go?", " range: Go, flight."]
    {
        let line = tour.line();
        assert!(line.starts_with(&format!("📬 {expected}")), "{line}");
    }
    for expected in ["3", "2", "1", "Lift-off!"] {
        assert_eq!(tour.line(), format!("📬 flight: {expected}"));
    }
    let flight = tour.end_well();
    assert_eq!(flight.lines().filter(|line| line.starts_with("T+") && line.ends_with('🚀')).count(), 18, "{flight}");
}
