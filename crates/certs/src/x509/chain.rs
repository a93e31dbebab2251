//! How certificates form a chain: which lie above a leaf, and which of several ways up is the best one to send.

use std::sync::LazyLock;
use std::time::SystemTime;

use rustls_pki_types::TrustAnchor;

use super::certificate::{Certificate, Root};

/// Authorities have three or four certificates above each other; clients give up after six or so.
const LONGEST: usize = 10;

/// Ways up that are looked at. Each cross-signed authority doubles them, and a folder may hold anything.
const MOST_PATHS: usize = 64;

/// The roots that phones and browsers know.
static PUBLIC: LazyLock<Vec<Root>> = LazyLock::new(|| {
    let roots = webpki_roots::TLS_SERVER_ROOTS.iter();
    roots.filter_map(Root::new).collect()
});

/// A leaf with what is to be sent above it.
#[derive(Debug)]
pub(crate) struct Chain<'a> {
    /// Each followed by its issuer.
    pub(crate) links: Vec<&'a Certificate>,
    /// What would lie above as well but has expired and is not needed.
    pub(crate) expired: Vec<&'a Certificate>,
}

/// The best chain from `leaf` upwards, as far as `pool` has issuers. Of several ways one without anything that has expired is
/// taken, then one that ends at a root; among equals the first in `pool`. It ends before what has expired: no client accepts
/// a way through that, and some refuse the whole for it.
pub(crate) fn chain<'a>(
    leaf: &'a Certificate,
    pool: &[&'a Certificate],
    now: SystemTime,
) -> Chain<'a> {
    best(leaf, pool, &PUBLIC, now)
}

/// The roots at which clients end with these certificates, by name: the one the chain leads to, then those that some clients
/// find nearer to the leaf.
pub(crate) fn ends(
    leaf: &Certificate,
    pool: &[&Certificate],
    anchors: &[TrustAnchor<'_>],
    at: SystemTime,
) -> Vec<String> {
    let roots: Vec<_> = anchors.iter().filter_map(Root::new).collect();
    let links = best(leaf, pool, &roots, at).links;
    // Clients compare names more strictly than they lie here, and go through authorities only.
    let sound = (1..links.len())
        .take_while(|number| {
            let (below, link) = (links[number - 1], links[*number]);
            link.is_ca() && link.is_valid_at(at) && below.issuer == link.subject
        })
        .count();
    let mut names: Vec<String> = Vec::new();
    for link in links[..=sound].iter().rev() {
        let root = roots.iter().find(|root| link.is_issued_by_root(root));
        let name = root.map(|root| root.subject.short.clone());
        names.extend(name.filter(|name| !names.contains(name)));
    }
    names
}

/// How good a way is, the most important first: each link holds, nothing had to be cut off, how well its end is known.
type PathRank = (bool, bool, u8);

fn best<'a>(
    leaf: &'a Certificate,
    pool: &[&'a Certificate],
    roots: &[Root],
    now: SystemTime,
) -> Chain<'a> {
    let mut search = Search::new(leaf, pool);
    search.climb(&mut vec![0]);
    let Search { nodes, paths, .. } = search;
    let all = |numbers: &[usize]| numbers.iter().map(|number| nodes[*number]).collect();
    let has_expired = |number: &usize| nodes[*number].not_after < now;
    // As nearly everybody's is. It spares the start a look at the roots.
    if let [path] = paths.as_slice()
        && !path[1..].iter().any(has_expired)
    {
        return Chain {
            links: all(path),
            expired: Vec::new(),
        };
    }
    let is_known = |one: &Certificate| roots.iter().any(|root| one.is_issued_by_root(root));

    let mut chosen: Option<(PathRank, &[usize])> = None;
    for path in &paths {
        // The only issuer of a leaf is needed, expired or not; the leaf without it says less of what is wrong.
        let needed = if path.len() > 1 && has_expired(&path[1]) && !is_known(nodes[0]) {
            2
        } else {
            1
        };
        let above = path[needed.min(path.len())..].iter();
        let kept = needed.min(path.len()) + above.take_while(|number| !has_expired(number)).count();
        let top = nodes[path[kept - 1]];
        let end = match top {
            top if is_known(top) => 2,
            top if top.is_self_signed() => 1,
            _ => 0,
        };
        let links_hold = path[1..kept]
            .iter()
            .all(|number| nodes[*number].is_valid_at(now));
        let rank = (links_hold, kept == path.len(), end);
        if chosen.as_ref().is_none_or(|(best, _)| rank > *best) {
            chosen = Some((rank, &path[..kept]));
        }
    }
    let kept = chosen.map_or(&[0][..], |(_, kept)| kept);
    let mut expired: Vec<usize> = paths.iter().flatten().copied().collect();
    expired.sort_unstable();
    expired.dedup();
    expired.retain(|number| has_expired(number) && *number != 0 && !kept.contains(number));
    Chain {
        links: all(kept),
        expired: all(&expired),
    }
}

/// The ways up from the first of some certificates.
struct Search<'a> {
    nodes: Vec<&'a Certificate>,
    /// For each, its issuers, once they have been asked for.
    issuers: Vec<Option<Vec<usize>>>,
    paths: Vec<Vec<usize>>,
}

impl<'a> Search<'a> {
    fn new(leaf: &'a Certificate, pool: &[&'a Certificate]) -> Search<'a> {
        let mut nodes = vec![leaf];
        for one in pool {
            if !nodes.contains(one) {
                nodes.push(one);
            }
        }
        Search {
            issuers: vec![None; nodes.len()],
            nodes,
            paths: Vec::new(),
        }
    }

    /// Goes on from the last of `way` in each direction.
    fn climb(&mut self, path: &mut Vec<usize>) {
        if self.paths.len() >= MOST_PATHS {
            return;
        }
        let mut is_end = true;
        if path.len() < LONGEST {
            for issuer in self.issuers(path[path.len() - 1]) {
                if !path.contains(&issuer) {
                    is_end = false;
                    path.push(issuer);
                    self.climb(path);
                    path.pop();
                }
            }
        }
        if is_end {
            self.paths.push(path.clone());
        }
    }

    fn issuers(&mut self, of: usize) -> Vec<usize> {
        let Search { nodes, issuers, .. } = self;
        let known = issuers[of].get_or_insert_with(|| {
            if nodes[of].is_self_signed() {
                return Vec::new();
            }
            let others = (0..nodes.len()).filter(|other| *other != of);
            others
                .filter(|other| nodes[of].is_issued_by(nodes[*other]))
                .collect()
        });
        known.clone()
    }
}
