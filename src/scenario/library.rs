//! The parameter sets and failure profiles that come with the program: the
//! files of `models/`, built in, so that a copied binary needs nothing beside it.

/// Built-in failure profiles: name and text.
const PROFILES: [(&str, &str); 6] = [
    (
        "textbook-99",
        include_str!("../../models/profiles/textbook-99.toml"),
    ),
    (
        "commodity-server",
        include_str!("../../models/profiles/commodity-server.toml"),
    ),
    (
        "lanl-hpc-node",
        include_str!("../../models/profiles/lanl-hpc-node.toml"),
    ),
    (
        "small-server-room",
        include_str!("../../models/profiles/small-server-room.toml"),
    ),
    (
        "cloud-vm",
        include_str!("../../models/profiles/cloud-vm.toml"),
    ),
    (
        "university-lab",
        include_str!("../../models/profiles/university-lab.toml"),
    ),
];

/// The text of a built-in failure profile.
pub fn profile(name: &str) -> Option<&'static str> {
    PROFILES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

/// The names of all built-in failure profiles.
pub fn profile_names() -> impl Iterator<Item = &'static str> {
    PROFILES.iter().map(|(name, _)| *name)
}
