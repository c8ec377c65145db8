//! A table that the terminal, Markdown and HTML all print: cells are text, a tone adds colour where there is any.

use serde::Serialize;

use super::number::line;

/// What a cell means beyond its words. Words always say it too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    #[default]
    Plain,
    Good,
    Warn,
    Bad,
}

impl Tone {
    /// The text in this tone's colour for a terminal.
    pub fn paint(self, text: &str, color: bool) -> String {
        let code = match self {
            _ if !color => return text.to_owned(),
            Self::Plain => return text.to_owned(),
            Self::Good => 32,
            Self::Warn => 33,
            Self::Bad => 31,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct Cell {
    pub text: String,
    pub tone: Tone,
    /// Where the cell leads inside the HTML page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

impl Cell {
    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone, link: None }
    }

    pub fn link(mut self, target: String) -> Self {
        self.link = Some(target);
        self
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

#[derive(Debug, Clone, Serialize)]
struct Column {
    name: String,
    unit: String,
    right: bool,
}

/// Rows under named columns. Numbers stand right, words left; a unit stands in the header.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Table {
    /// What the numbers are, in one line.
    pub caption: String,
    columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
}

/// The longest cell a terminal shows whole; files show all.
const TERMINAL_CELL: usize = 100;

impl Table {
    pub fn new(caption: impl Into<String>) -> Self {
        Self { caption: caption.into(), ..Self::default() }
    }

    /// Adds a column of words.
    pub fn words(mut self, name: &str) -> Self {
        self.columns.push(Column { name: name.into(), unit: String::new(), right: false });
        self
    }

    /// Adds a column of numbers.
    pub fn numbers(mut self, name: &str, unit: &str) -> Self {
        self.columns.push(Column { name: name.into(), unit: unit.into(), right: true });
        self
    }

    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// For a terminal: two spaces between columns, units in a second header line, the caption below.
    pub fn text(&self, color: bool) -> String {
        let plain = |text: &str| Cell::from(text);
        let mut rows = vec![self.columns.iter().map(|column| plain(&column.name)).collect::<Vec<_>>()];
        if self.columns.iter().any(|column| !column.unit.is_empty()) {
            rows.push(self.columns.iter().map(|column| plain(&column.unit)).collect());
        }
        let shown = |cell: &Cell| Cell { text: line(&cell.text, TERMINAL_CELL), ..cell.clone() };
        rows.extend(self.rows.iter().map(|row| row.iter().map(shown).collect()));
        let width =
            |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|c| c.text.chars().count()).max();
        let widths: Vec<usize> = (0..self.columns.len()).map(|at| width(at).unwrap_or(0)).collect();

        let mut out = String::new();
        for row in &rows {
            let mut text = String::new();
            for ((cell, column), width) in row.iter().zip(&self.columns).zip(&widths) {
                let blanks = " ".repeat(width - cell.text.chars().count());
                let painted = cell.tone.paint(&cell.text, color);
                text +=
                    &if column.right { format!("{blanks}{painted}") } else { format!("{painted}{blanks}") };
                text += "  ";
            }
            out += text.trim_end();
            out.push('\n');
        }
        if !self.caption.is_empty() {
            out += &format!("{}\n", self.caption);
        }
        out
    }

    /// For `report.md`: a pipe table, its caption above.
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        if !self.caption.is_empty() {
            out += &format!("{}\n\n", escape_markdown(&self.caption));
        }
        let pipes = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let head = |column: &Column| match column.unit.as_str() {
            "" => column.name.clone(),
            unit => format!("{} ({unit})", column.name),
        };
        out += &pipes(self.columns.iter().map(head).collect());
        out += &pipes(self.columns.iter().map(|c| if c.right { "---:" } else { "---" }.into()).collect());
        for row in &self.rows {
            out += &pipes(row.iter().map(|cell| escape_markdown(&cell.text)).collect());
        }
        out
    }
}

/// Text from outside as Markdown that shows it literally, on one line.
pub fn escape_markdown(text: &str) -> String {
    let mut out = String::new();
    for c in line(text, usize::MAX).chars() {
        match c {
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '~' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new("caption").words("name").numbers("p99", "ms").words("verdict");
        table.row(vec!["a|b".into(), "1.5".into(), Cell::toned("valid", Tone::Good)]);
        table.row(vec!["longer".into(), "1,234".into(), "suspect".into()]);
        table
    }

    #[test]
    fn aligns_in_a_terminal() {
        assert_eq!(
            table().text(false),
            "name      p99  verdict\n           ms\na|b       1.5  valid\nlonger  1,234  suspect\ncaption\n"
        );
    }

    #[test]
    fn colour_does_not_shift_columns() {
        let plain = table().text(true).replace("\x1b[32m", "").replace("\x1b[0m", "");
        assert_eq!(plain, table().text(false));
    }

    #[test]
    fn markdown_escapes() {
        let text = table().markdown();
        assert!(text.contains("| name | p99 (ms) | verdict |\n| --- | ---: | --- |\n"), "{text}");
        assert!(text.contains("a\\|b"), "{text}");
        assert_eq!(escape_markdown("<script>\n`x`"), "&lt;script&gt; \\`x\\`");
    }
}
