//! Reads docs/protocol.md: its headings, tables and blocks of code.

use std::collections::BTreeMap;
use std::fs;

/// The document, heading by heading.
pub(crate) struct Document {
    pub(crate) text: String,
    pub(crate) sections: Vec<Section>,
}

/// What stands below one heading, up to the next one.
#[derive(Default)]
pub(crate) struct Section {
    pub(crate) level: usize,
    pub(crate) title: String,
    pub(crate) tables: Vec<Table>,
    pub(crate) blocks: Vec<Block>,
}

/// A table. The first row names the columns.
pub(crate) struct Table {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

/// The cells of one row, by column.
pub(crate) type Row = BTreeMap<String, String>;

/// A block of code.
pub(crate) struct Block {
    pub(crate) language: String,
    pub(crate) text: String,
}

impl Document {
    pub(crate) fn read() -> Document {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/protocol.md");
        let text = fs::read_to_string(path).expect("docs/protocol.md is there");
        let sections = sections(&text);
        Document { text, sections }
    }

    /// The section with this title.
    pub(crate) fn section(&self, title: &str) -> &Section {
        self.sections
            .iter()
            .find(|section| section.title == title)
            .unwrap_or_else(|| panic!("there is no heading {title:?}"))
    }

    /// The sections below the one with this title.
    pub(crate) fn below(&self, title: &str) -> Vec<&Section> {
        let above = self.section(title).level;
        let mut sections = self.sections.iter();
        sections.find(|section| section.title == title);
        sections
            .take_while(|section| section.level > above)
            .collect()
    }

    /// Every table that has these columns.
    pub(crate) fn tables(&self, columns: &[&str]) -> Vec<&Table> {
        let tables = self.sections.iter().flat_map(|section| &section.tables);
        tables
            .filter(|table| columns.iter().all(|column| table.has(column)))
            .collect()
    }
}

impl Section {
    /// The only table.
    pub(crate) fn table(&self) -> &Table {
        match &self.tables[..] {
            [table] => table,
            tables => panic!("{:?} has {} tables, not one", self.title, tables.len()),
        }
    }

    /// The blocks in this language.
    pub(crate) fn blocks(&self, language: &str) -> impl Iterator<Item = &str> {
        let blocks = self.blocks.iter();
        let blocks = blocks.filter(move |block| block.language == language);
        blocks.map(|block| block.text.as_str())
    }
}

impl Table {
    fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|own| own == column)
    }

    /// The cells of two columns, row by row, without the marks of code.
    pub(crate) fn pairs(&self, one: &str, other: &str) -> Vec<(String, String)> {
        let cell = |row: &Row, column: &str| bare(&row[column]).to_owned();
        let rows = self.rows.iter();
        rows.map(|row| (cell(row, one), cell(row, other))).collect()
    }

    /// The cells of one column, without the marks of code.
    pub(crate) fn column(&self, column: &str) -> Vec<String> {
        let rows = self.rows.iter();
        rows.map(|row| bare(&row[column]).to_owned()).collect()
    }
}

/// A cell without the marks that make code of all of it.
pub(crate) fn bare(cell: &str) -> &str {
    cell.strip_prefix('`')
        .and_then(|cell| cell.strip_suffix('`'))
        .filter(|cell| !cell.contains('`'))
        .unwrap_or(cell)
}

/// Every piece of code in a cell.
pub(crate) fn codes(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// JSON without the spaces and line breaks that mean nothing.
pub(crate) fn compact(json: &str) -> String {
    let mut kept = String::with_capacity(json.len());
    let (mut in_text, mut escaped) = (false, false);
    for c in json.chars() {
        if in_text || !c.is_whitespace() {
            kept.push(c);
        }
        in_text ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
    }
    kept
}

fn sections(text: &str) -> Vec<Section> {
    let mut sections = vec![Section::default()];
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let section = sections.last_mut().expect("there is one");
        if let Some(language) = line.strip_prefix("```") {
            let inside: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            section.blocks.push(Block {
                language: language.to_owned(),
                text: inside.join("\n"),
            });
        } else if line.starts_with('#') {
            let title = line.trim_start_matches('#');
            sections.push(Section {
                level: line.len() - title.len(),
                title: bare(title.trim()).to_owned(),
                ..Section::default()
            });
        } else if line.starts_with('|') {
            let columns = cells(line);
            let ruler = lines.next().expect("a table has a ruler");
            assert!(ruler.starts_with("| ---"), "{ruler}");
            let mut rows = Vec::new();
            while let Some(line) = lines.next_if(|line| line.starts_with('|')) {
                let cells = cells(line);
                assert_eq!(cells.len(), columns.len(), "{line}");
                rows.push(columns.iter().cloned().zip(cells).collect());
            }
            section.tables.push(Table { columns, rows });
        }
    }
    sections
}

fn cells(line: &str) -> Vec<String> {
    let inside = line
        .strip_prefix('|')
        .and_then(|line| line.strip_suffix('|'));
    let inside = inside.unwrap_or_else(|| panic!("a row of a table ends with a bar: {line}"));
    inside
        .split('|')
        .map(|cell| cell.trim().to_owned())
        .collect()
}
