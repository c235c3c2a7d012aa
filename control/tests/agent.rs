//! The user agent core against a scripted peer under a virtual clock, and against itself over a
//! bad link.

#[cfg(test)]
#[path = "torture/table.rs"]
mod table;

#[cfg(test)]
mod agent {
    mod bench;

    mod answers;
    mod basics;
    mod glare;
    mod hostile;
    mod limits;
    mod link;
    mod non_invite;
    mod refer;
    mod reliable;
    mod session_timer;
    mod subscription;
    mod torture;
    mod uac;
    mod uas;
    mod update;
    mod way;
}
