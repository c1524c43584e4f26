//! Medians, spreads, tables. Knows nothing of what was measured.

/// Values of one cell, one per round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series(Vec<f64>);

impl Series {
    /// Adds one round's value.
    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// Middle value; `None` when no round gave one.
    pub(crate) fn median(&self) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        match n {
            0 => None,
            _ if n % 2 == 1 => Some(sorted[n / 2]),
            _ => Some((sorted[n / 2 - 1] + sorted[n / 2]) / 2.0),
        }
    }

    /// The largest value; `None` when no round gave one.
    pub(crate) fn max(&self) -> Option<f64> {
        self.0.iter().copied().max_by(f64::total_cmp)
    }

    /// How many rounds gave one.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// `median (min..max)` with `digits` decimals, or a dash.
    pub(crate) fn show(&self, digits: usize) -> String {
        let Some(median) = self.median() else {
            return "-".to_owned();
        };
        let min = self.0.iter().copied().fold(f64::INFINITY, f64::min);
        let max = self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        format!("{median:.digits$} ({min:.digits$}..{max:.digits$})")
    }
}

/// The value at `per_mille` of sorted samples (500 is the median, 990 the 99th percentile); 0 of none.
pub(crate) fn percentile(sorted: &[u64], per_mille: usize) -> u64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last * per_mille).div_ceil(1000).min(last)).copied().unwrap_or(0)
}

/// A table whose columns are as wide as their widest cell; the first column is text, the others are numbers.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub(crate) fn new(headings: &[&str]) -> Self {
        Self { rows: vec![headings.iter().map(|h| (*h).to_owned()).collect()] }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The table as text, two spaces before every line.
    pub(crate) fn text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |c: usize| self.rows.iter().filter_map(|r| r.get(c)).map(|s| s.chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut out = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (c, cell) in row.iter().enumerate() {
                let pad = " ".repeat(widths[c].saturating_sub(cell.chars().count()));
                line += &if c == 0 { format!("  {cell}{pad}") } else { format!("   {pad}{cell}") };
            }
            out += line.trim_end();
            out.push('\n');
        }
        out
    }
}

/// One acceptance bar: says whether it is met.
pub(crate) fn bar(what: &str, value: Option<f64>, bound: f64, at_least: bool) -> bool {
    let sign = if at_least { "≥" } else { "≤" };
    match value {
        None => {
            println!("  bar  {what}: not measured");
            true
        }
        Some(v) => {
            let met = if at_least { v >= bound } else { v <= bound };
            println!("  bar  {what}: {v:.2} {sign} {bound} {}", if met { "met" } else { "NOT MET" });
            met
        }
    }
}
