//! What was seen as one page for a browser, with all pictures in it.

use super::shown::{Section, Seen, Tile};
use crate::curves::escaped;
use crate::error::Result;
use std::fmt::Write;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#222;--paper:#fff;--faint:#666;--line:#ddd}\
@media(prefers-color-scheme:dark){:root{--ink:#ddd;--paper:#161616;--faint:#999;--line:#3a3a3a}}\
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:80em;margin:2em auto;padding:0 1em}\
h1{font-size:1.3em}h2{font-size:1.15em;margin-top:2.5em;border-top:1px solid var(--line);padding-top:1em}h3{font-size:1em;margin:1.5em 0 .2em}\
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:color-mix(in srgb,var(--ink) 8%,var(--paper));padding:.6em 1em;border-radius:4px}\
p{margin:.2em 0;color:var(--faint)}\
.tiles{display:flex;flex-wrap:wrap;gap:10px;margin:.6em 0}.tiles.rows{display:grid;justify-content:start}\
figure{margin:0}img{image-rendering:pixelated;display:block}\
figcaption{font-size:12px;line-height:1.3;color:var(--faint);white-space:pre-line;max-width:13em;overflow-wrap:anywhere}\
svg{max-width:100%;height:auto}";

/// The page.
pub fn html(title: &str, command: &str, kinds: &[(&str, Seen)]) -> Result<String> {
    let (title, command) = (escaped(title), escaped(command));
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title>\n<style>{STYLE}</style></head>\n<body><h1>{title}</h1>\n<pre>{command}</pre>\n"
    );
    for (kind, seen) in kinds {
        for line in &seen.said {
            let _ = writeln!(page, "<p>{}</p>", escaped(line));
        }
        for sheet in &seen.sheets {
            let _ = writeln!(page, "<h2>{}: {}</h2>", escaped(kind), escaped(&sheet.title));
            for section in &sheet.sections {
                of_section(&mut page, section)?;
            }
        }
    }
    page += "</body></html>\n";
    Ok(page)
}

fn of_section(page: &mut String, section: &Section) -> Result<()> {
    let _ = writeln!(page, "<h3>{}</h3>", escaped(&section.title));
    if !section.note.is_empty() {
        let _ = writeln!(page, "<p>{}</p>", escaped(&section.note));
    }
    if let Some(svg) = &section.drawing {
        *page += svg;
    }
    let _ = match section.across {
        0 => write!(page, "<div class=\"tiles\">"),
        across => write!(
            page,
            "<div class=\"tiles rows\" style=\"grid-template-columns:repeat({across},max-content)\">"
        ),
    };
    for tile in &section.tiles {
        figure(page, tile, section.zoom(tile))?;
    }
    *page += "</div>\n";
    Ok(())
}

fn figure(page: &mut String, tile: &Tile, zoom: usize) -> Result<()> {
    let [_, height, width] = tile.shape;
    let caption = escaped(&tile.caption);
    let picture = base64(&tile.png()?);
    let _ = write!(
        page,
        "<figure><img width=\"{}\" height=\"{}\" alt=\"\" src=\"data:image/png;base64,{picture}\"><figcaption>{caption}</figcaption></figure>",
        zoom * width,
        zoom * height
    );
    Ok(())
}

/// Bytes as letters, RFC 4648 §4.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |i: usize| u32::from(three.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let letter = char::from(LETTERS[(bits >> (18 - 6 * i) & 63) as usize]);
            text.push(if i <= three.len() { letter } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::shown::Sheet;
    use super::*;
    use serde_json::Value;

    #[test]
    fn bytes_become_letters() {
        let all = ["", "f", "fo", "foo", "foobar"].map(|text| base64(text.as_bytes()));
        assert_eq!(all, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYmFy"]);
    }

    #[test]
    fn names_cannot_write_the_page() {
        let tile = Tile::picture(&[0.5], [1, 1, 1]).called("<script>\"&");
        let section = Section { title: "<b>".into(), tiles: vec![tile], ..Section::default() };
        let sheet = Sheet { title: "</h2>".into(), sections: vec![section] };
        let seen = Seen { sheets: vec![sheet], record: Value::Null, said: vec!["<i>".into()] };
        let page = html("</title>", "gradus see '<u>'", &[("activations", seen)]).unwrap();
        for tag in ["<script", "<b>", "</h2></h2>", "<i>", "<u>", "</title></title>", "http"] {
            assert!(!page.contains(tag), "{tag}");
        }
        assert!(page.contains("&lt;script&gt;") && page.contains("data:image/png;base64,iVBOR"));
    }
}
