//! Splits PEM text (RFC 7468) into its sections, however tools, editors and people have written them.
//!
//! A spelling with one possible meaning is accepted: any line ends, extra spaces, invisible characters, text between
//! the sections, a whole section on one line. Anything that may be a sign of more damage is refused, with its line
//! number. `rustls_pemfile` passes over what it does not know, so that a damaged file looks like an empty one; this
//! reader must say what is wrong.

use std::borrow::Cow;
use std::path::Path;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::problem::{Problem, shell};

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// The labels that a misspelt boundary must have. Without this list a line of dashes in a comment would be refused.
const LABELS: [&str; 16] = [
    "CERTIFICATE",
    "X509 CERTIFICATE",
    "TRUSTED CERTIFICATE",
    "CERTIFICATE REQUEST",
    "NEW CERTIFICATE REQUEST",
    "PRIVATE KEY",
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
    "DSA PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "OPENSSH PRIVATE KEY",
    "PUBLIC KEY",
    "EC PARAMETERS",
    "PKCS7",
    "CMS",
    "PKCS #7 SIGNED DATA",
];

/// Padding may be missing and the unused last bits may be set: the DER inside shows whether the content is whole.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// One section, from its `-----BEGIN` to its `-----END`.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) label: String,
    /// The text between its boundaries, beginning with the rest of the BEGIN line.
    body: String,
    /// The number of its BEGIN line, from 1.
    line: usize,
}

/// The sections of a text, and what is odd about it.
#[derive(Debug)]
pub(crate) struct PemText {
    pub(crate) sections: Vec<Section>,
    /// Sentences on spellings that are accepted here but stop other programs.
    pub(crate) notes: Vec<String>,
    /// The first line with other text before a BEGIN, which does not count as one for that reason.
    pub(crate) hidden: Option<usize>,
}

/// Whether a character is invisible in an editor: zero-width characters, marks of writing direction, controls. U+FFFD,
/// which stands for bytes that are not UTF-8, counts as well.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{feff}' | '\u{fffd}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}')
        || (c.is_control() && !c.is_whitespace())
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || is_unseen(c)
}

/// The text without leading blanks, and without leading quotes, which YAML and shells leave there.
fn trimmed(text: &str) -> &str {
    text.trim_start_matches(|c| is_blank(c) || matches!(c, '"' | '\'' | '`'))
}

impl Section {
    /// Whether its headers say that it is encrypted in the way OpenSSL used before PKCS#8 (`Proc-Type: 4,ENCRYPTED`).
    pub(crate) fn is_encrypted(&self) -> bool {
        let headers = self.body.lines().take_while(|line| !line.contains(DASHES));
        let mut types = headers.filter(|line| trimmed(line).starts_with("Proc-Type:"));
        types.any(|line| line.contains("ENCRYPTED"))
    }

    /// Decodes its base64.
    pub(crate) fn decode(&self, file: &Path) -> Result<Vec<u8>, Problem> {
        let mut text = String::with_capacity(self.body.len());
        let mut is_header = true;
        for (number, line) in (self.line..).zip(self.body.split('\n')) {
            // Headers (RFC 1421) come before the first line without a colon; an indented line continues a header.
            let goes_on = number > self.line + 1 && line.starts_with([' ', '\t']);
            if number > self.line || !line.chars().all(is_blank) {
                is_header &= line.contains(':') || goes_on;
            }
            if is_header {
                continue;
            }
            for c in line.chars().filter(|c| !is_blank(*c)) {
                if !(c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=')) {
                    let how = format!("has `{c}` on line {number}, which is not base64");
                    return Err(self.damaged(file, &how));
                }
                text.push(c);
            }
        }
        BASE64
            .decode(&text)
            .map_err(|_| self.damaged(file, "has lost some of its base64"))
    }

    pub(crate) fn damaged(&self, file: &Path, how: &str) -> Problem {
        let Section { label, line, .. } = self;
        damaged(
            file,
            format!("the section `{label}` that begins on line {line} {how}"),
        )
    }
}

pub(crate) fn damaged(file: &Path, detail: String) -> Problem {
    Problem::Corrupt {
        file: file.to_owned(),
        detail,
    }
}

/// Reads the sections of `text`; `file` is for error messages.
pub(crate) fn sections(file: &Path, text: &str) -> Result<PemText, Problem> {
    let mut reader = Reader {
        file,
        sections: Vec::new(),
        open: None,
        unseen: None,
        glued: None,
        hidden: None,
    };
    // A value copied from JSON or from an environment file has its line ends as a backslash and a letter.
    let is_escaped = text.contains(r"-----\n") || text.contains(r"-----\r");
    let text = if is_escaped {
        Cow::Owned(text.replace(r"\r", "").replace(r"\n", "\n"))
    } else {
        Cow::Borrowed(text)
    };
    let text = text
        .replace("\r\n", "\n")
        .replace(['\r', '\u{2028}', '\u{2029}', '\u{85}'], "\n");
    for (number, line) in (1..).zip(text.split('\n')) {
        reader.line(number, line)?;
    }
    if let Some(Section { label, line, .. }) = reader.open {
        return Err(damaged(
            file,
            format!(
                "the section `{label}` that begins on line {line} has no END line, so the rest is missing"
            ),
        ));
    }
    Ok(PemText {
        notes: reader.notes(is_escaped),
        sections: reader.sections,
        hidden: reader.hidden,
    })
}

/// Reads a text line by line. At most one section is open at any time.
struct Reader<'a> {
    file: &'a Path,
    sections: Vec<Section>,
    open: Option<Section>,
    /// The first invisible character in or around a section, and its line.
    unseen: Option<(char, usize)>,
    /// The first line on which an END is followed by a BEGIN.
    glued: Option<usize>,
    hidden: Option<usize>,
}

impl Reader<'_> {
    fn line(&mut self, number: usize, line: &str) -> Result<(), Problem> {
        let mut rest = line;
        loop {
            rest = match self.open.take() {
                None => match self.outside(number, rest)? {
                    Some(after) => after,
                    None => return Ok(()),
                },
                Some(open) => match self.inside(open, number, rest)? {
                    Some(after) => after,
                    None => return Ok(()),
                },
            };
        }
    }

    /// Outside a section: looks for a BEGIN, and returns the text after it.
    fn outside<'t>(&mut self, number: usize, text: &'t str) -> Result<Option<&'t str>, Problem> {
        let start = trimmed(text);
        if let Some((label, after)) = boundary(start, BEGIN) {
            self.note_invisible(number, &text[..text.len() - start.len()]);
            self.refuse_sixth_dash(number, after)?;
            self.open = Some(Section {
                label,
                body: String::new(),
                line: number,
            });
            return Ok(Some(after));
        }
        if let Some((label, _)) = boundary(start, END) {
            let because = match self.hidden {
                Some(line) => format!(": on line {line} there is other text before its BEGIN"),
                None => String::new(),
            };
            return Err(damaged(
                self.file,
                format!("line {number} ends `{label}`, which has not begun{because}"),
            ));
        }
        self.refuse_misspelt_boundary(number, start)?;
        if text.contains(BEGIN) && self.hidden.is_none() {
            self.hidden = Some(number);
        }
        Ok(None)
    }

    /// Inside a section: looks for its END, and returns the text after it.
    fn inside<'t>(
        &mut self,
        mut open: Section,
        number: usize,
        text: &'t str,
    ) -> Result<Option<&'t str>, Problem> {
        let Section { label, line, .. } = &open;
        let end = text
            .find(END)
            .and_then(|at| Some((at, boundary(&text[at..], END)?)));
        let begin = text
            .find(BEGIN)
            .filter(|at| end.as_ref().is_none_or(|(end, _)| at < end));
        if begin.is_some() {
            return Err(damaged(
                self.file,
                format!("the section `{label}` that begins on line {line} has no END line"),
            ));
        }
        let Some((at, (ended, after))) = end else {
            self.refuse_misspelt_boundary(number, trimmed(text))?;
            self.note_invisible(number, text);
            open.body.push_str(text);
            open.body.push('\n');
            self.open = Some(open);
            return Ok(None);
        };
        if ended != *label {
            return Err(damaged(
                self.file,
                format!("line {number} ends `{ended}` where `{label}` has begun"),
            ));
        }
        self.note_invisible(number, &text[..at]);
        open.body.push_str(&text[..at]);
        self.sections.push(open);
        if after.starts_with(BEGIN) {
            self.glued.get_or_insert(number);
        } else {
            self.refuse_sixth_dash(number, after)?;
            let unseen = after.len() - after.trim_start_matches(is_blank).len();
            self.note_invisible(number, &after[..unseen]);
        }
        Ok(Some(after))
    }

    /// Remembers the first invisible character of the file.
    fn note_invisible(&mut self, number: usize, text: &str) {
        if self.unseen.is_none() {
            let found = text.chars().find(|c| is_unseen(*c));
            self.unseen = found.map(|c| (c, number));
        }
    }

    /// Refuses a sixth dash.
    fn refuse_sixth_dash(&self, number: usize, after: &str) -> Result<(), Problem> {
        if after.starts_with('-') {
            return Err(self.dashes(number));
        }
        Ok(())
    }

    fn dashes(&self, number: usize) -> Problem {
        damaged(
            self.file,
            format!("line {number} has not exactly five dashes on each side"),
        )
    }

    /// Refuses a line that is meant as a boundary but misspelt: with other dashes, in lower case, or with too few or
    /// too many dashes.
    fn refuse_misspelt_boundary(&self, number: usize, start: &str) -> Result<(), Problem> {
        let is_dash = |c: char| {
            matches!(
                c,
                '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}'
            )
        };
        let is_space = |c: char| is_blank(c) || is_dash(c);
        let inner = start.trim_matches(is_space);
        if inner.len() == start.len() || !start.starts_with(is_dash) {
            return Ok(());
        }
        let capitals = inner.to_uppercase();
        let Some((kind, label)) = capitals.split_once(char::is_whitespace) else {
            return Ok(());
        };
        let words: Vec<_> = label.split_whitespace().collect();
        if !["BEGIN", "END"].contains(&kind) || !LABELS.contains(&words.join(" ").as_str()) {
            return Ok(());
        }
        Err(match start.chars().find(|c| is_dash(*c) && *c != '-') {
            Some(dash) => damaged(
                self.file,
                format!(
                    "line {number} has the dashes of a word processor (`{dash}`) where PEM has five plain ones (`-----`)"
                ),
            ),
            None if capitals != inner => damaged(
                self.file,
                format!("line {number} is not in capital letters"),
            ),
            None => self.dashes(number),
        })
    }

    fn notes(&self, is_escaped: bool) -> Vec<String> {
        let file = self.file;
        let to = |extension: &str| shell(&file.with_extension(extension)).into_owned();
        let (name, from) = (file.display(), shell(file));
        let mut notes = Vec::new();
        if let Some((c, line)) = self.unseen {
            let what = match c {
                '\u{feff}' => "a byte order mark (BOM)".to_owned(),
                '\u{fffd}' => "bytes that are no text".to_owned(),
                other => format!("a character that nobody sees (U+{:04X})", u32::from(other)),
            };
            notes.push(format!(
                "{name} has {what} on line {line}, which is passed over here but stops other programs; take out all of the \
                 kind with `LC_ALL=C tr -cd '\\t\\n\\r -~' < {from} > {}`.",
                to("clean.pem")
            ));
        }
        if let Some(line) = self.glued {
            notes.push(format!(
                "{name} has an END and a BEGIN in one, on line {line}, which stops other programs; part them with \
                 `sed 's/-----\\(-----BEGIN\\)/-----\\n\\1/' {from} > {}`.",
                to("parted.pem")
            ));
        }
        if is_escaped {
            notes.push(format!(
                "{name} has its line ends written as `\\n`, which stops other programs; make real ones with \
                 `sed 's/\\\\r//g; s/\\\\n/\\n/g' {from} > {}`.",
                to("lines.pem")
            ));
        }
        notes
    }
}

/// If `text` begins with a boundary, its label and the text after it.
fn boundary<'a>(text: &'a str, which: &str) -> Option<(String, &'a str)> {
    let (label, after) = text.strip_prefix(which)?.split_once(DASHES)?;
    let words: Vec<_> = label.split_whitespace().collect();
    let is_label = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || " #/.-_".contains(c);
    let label = words.join(" ");
    (!label.is_empty() && label.chars().all(is_label)).then_some((label, after))
}
