//! `wulin play`: the game in a terminal.
