//! The pages as they were built from `web/`.

/// A file of the bundle.
pub(crate) struct File {
    /// Its path, from the root.
    pub(crate) path: &'static str,
    /// Its type.
    pub(crate) kind: &'static str,
    /// What it holds.
    pub(crate) bytes: &'static [u8],
}

/// All files; the first is served for `/`.
const FILES: [File; 4] = [
    File {
        path: "/index.html",
        kind: "text/html; charset=utf-8",
        bytes: include_bytes!("../bundle/index.html"),
    },
    File {
        path: "/lab.js",
        kind: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../bundle/lab.js"),
    },
    File {
        path: "/lab.css",
        kind: "text/css; charset=utf-8",
        bytes: include_bytes!("../bundle/lab.css"),
    },
    File {
        path: "/favicon.svg",
        kind: "image/svg+xml",
        bytes: include_bytes!("../bundle/favicon.svg"),
    },
];

/// What tells a page that its engine is at the other end of a socket.
const BY_SOCKET: (&str, &str) =
    (r#"name="engine" content="wasm""#, r#"name="engine" content="socket""#);

/// The file at a path.
pub(crate) fn file(path: &str) -> Option<&'static File> {
    let path = if path == "/" { "/index.html" } else { path };
    FILES.iter().find(|file| file.path == path)
}

impl File {
    /// What is sent.
    pub(crate) fn served(&self) -> Vec<u8> {
        match std::str::from_utf8(self.bytes) {
            Ok(text) if self.path == "/index.html" => {
                text.replacen(BY_SOCKET.0, BY_SOCKET.1, 1).into_bytes()
            }
            _ => self.bytes.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_told_of_the_socket() {
        let page = file("/").expect("a page").served();
        let text = String::from_utf8(page).expect("text");
        assert!(text.contains(BY_SOCKET.1) && !text.contains(BY_SOCKET.0));
        assert!(file("/../Cargo.toml").is_none() && file("/lab.js/").is_none());
    }
}
