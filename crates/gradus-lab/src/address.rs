//! Where a lab is reached, and who may speak to it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The address that a lab is bound to, and its key.
#[derive(Clone, Debug)]
pub struct Bound {
    address: SocketAddr,
    wanted: u16,
    pub(crate) key: String,
}

impl Bound {
    pub(crate) fn new(address: SocketAddr, wanted: u16, key: String) -> Bound {
        Bound { address, wanted, key }
    }

    /// The address for the browser, with the key.
    pub fn url(&self) -> String {
        format!("http://{}/?key={}", self.reached(), self.key)
    }

    /// The address bound to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port that was wanted, if it was taken.
    pub fn taken(&self) -> Option<u16> {
        (self.wanted != 0 && self.wanted != self.address.port()).then_some(self.wanted)
    }

    /// Whether others than this machine can come.
    pub fn is_open(&self) -> bool {
        !self.address.ip().is_loopback()
    }

    /// Where this machine reaches it.
    pub(crate) fn reached(&self) -> SocketAddr {
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        SocketAddr::new(ip, self.address.port())
    }

    /// Whether a `Host` names this lab: by a number or as `localhost`. A name of somebody's own could lead a foreign page here
    /// (DNS rebinding), so none is taken.
    pub(crate) fn is_host(&self, host: &str) -> bool {
        let port = self.address.port();
        let (name, number) = match host.rsplit_once(':') {
            Some((name, number)) if !number.ends_with(']') => (name, number.parse().ok()),
            _ => (host, Some(80)),
        };
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let is_known = match bare.parse::<IpAddr>() {
            Ok(ip) => ip.is_loopback() || self.is_open(),
            Err(_) => name == "localhost",
        };
        number == Some(port) && is_known
    }

    /// Whether an `Origin` is the page of this lab that was asked under `host`.
    pub(crate) fn is_origin(&self, origin: &str, host: &str) -> bool {
        origin.strip_prefix("http://") == Some(host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_numbers_or_localhost() {
        let own = Bound::new(([127, 0, 0, 1], 8710).into(), 8710, "k".into());
        for host in ["127.0.0.1:8710", "localhost:8710", "[::1]:8710"] {
            assert!(own.is_host(host), "{host}");
        }
        for host in ["evil.example:8710", "127.0.0.1:80", "127.0.0.1", "10.0.0.1:8710", "", ":"] {
            assert!(!own.is_host(host), "{host}");
        }
        assert!(own.is_origin("http://localhost:8710", "localhost:8710"));
        assert!(!own.is_origin("http://evil.example", "localhost:8710"));
        assert!(!own.is_origin("null", "localhost:8710"));
        let open = Bound::new(([0, 0, 0, 0], 8711).into(), 8710, "k".into());
        assert!(open.is_host("10.0.0.1:8711") && !open.is_host("evil.example:8711"));
        assert_eq!((open.url(), open.taken()), ("http://127.0.0.1:8711/?key=k".into(), Some(8710)));
    }
}
