//! The figures as a picture: bars of user instructions a call, one group a case, drawn as SVG.

use std::fmt::Write;

use super::programs::Program;
use super::report::Results;
use super::tables::{CLIENT_TITLE, thousands};

const WIDTH: f64 = 860.0;
const LABEL_WIDTH: f64 = 150.0;
const NUMBER_WIDTH: f64 = 80.0;
const BAR: f64 = 18.0;
const GAP: f64 = 6.0;
const TITLE: f64 = 34.0;

/// One group of bars.
struct Group<'a> {
    title: &'a str,
    bars: Vec<(Program, f64)>,
}

/// Draws the groups under each other, all in one scale.
pub(crate) fn draw(results: &Results) -> String {
    let rows = results.cases.iter().map(|(title, rows)| (*title, rows));
    let groups: Vec<Group<'_>> = rows
        .chain([(CLIENT_TITLE, &results.clients)])
        .map(|(title, rows)| Group {
            title,
            bars: rows.iter().map(|row| (row.program, row.user_instructions)).collect(),
        })
        .collect();
    let most = groups.iter().flat_map(|group| &group.bars).map(|(_, value)| *value).fold(1.0, f64::max);
    let scale = (WIDTH - LABEL_WIDTH - NUMBER_WIDTH) / most;
    let mut body = String::new();
    let mut y = 30.0;
    for group in &groups {
        y += TITLE;
        let _ = writeln!(body, r#"<text class="title" x="10" y="{}">{}</text>"#, y - 10.0, group.title);
        for (program, value) in &group.bars {
            let length = (value * scale).max(1.0);
            let _ = writeln!(body, r#"<text x="10" y="{}">{}</text>"#, y + 13.0, program.name());
            let _ = writeln!(
                body,
                r#"<rect x="{LABEL_WIDTH}" y="{y}" width="{length:.1}" height="{BAR}" fill="{}"/>"#,
                colour(*program)
            );
            let number_x = LABEL_WIDTH + length + 6.0;
            let _ = writeln!(body, r#"<text x="{number_x:.1}" y="{}">{}</text>"#, y + 13.0, thousands(*value));
            y += BAR + GAP;
        }
    }
    let height = y + 10.0;
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" aria-label="User instructions a call, by case and program">
<style>text {{ font: 13px system-ui, sans-serif; fill: #24292f }} .title {{ font-weight: 600 }}</style>
<rect width="100%" height="100%" fill="#ffffff"/>
<text class="title" x="10" y="24" style="font-size: 16px">User instructions a call (less is better)</text>
{body}</svg>
"##
    )
}

fn colour(program: Program) -> &'static str {
    match program {
        Program::Canned => "#57606a",
        Program::Tonic | Program::TonicAxum | Program::TonicClient => "#bf8700",
        Program::Connectrpc => "#8250df",
        _ => "#0969da",
    }
}
