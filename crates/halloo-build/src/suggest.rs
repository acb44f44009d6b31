//! Finds the name that was probably meant.

/// The candidate nearest to `name`, if it is near enough to be a slip of the fingers.
///
/// Near means at most one edit in three letters; a different case alone always counts as near.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let limit = (name.chars().count() / 3).max(1);
    let scored = candidates.into_iter().filter(|candidate| *candidate != name).filter_map(|candidate| {
        let edits = distance(&lower, &candidate.to_lowercase());
        (edits <= limit).then_some((edits, candidate))
    });
    scored
        .min_by(|(a, left), (b, right)| (a, left.len(), left).cmp(&(b, right.len(), right)))
        .map(|(_, candidate)| candidate)
}

/// Edits between two names: insert, remove or replace a letter, or swap two neighbours.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut two_back: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut current = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let replace = previous[j] + usize::from(a != b);
            let mut best = replace.min(previous[j + 1] + 1).min(current[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                best = best.min(two_back[j - 1] + 1);
            }
            current.push(best);
        }
        two_back = std::mem::replace(&mut previous, current);
    }
    previous[right.len()]
}

#[cfg(test)]
#[path = "../tests/unit/suggest.rs"]
mod tests;
