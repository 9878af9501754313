//! Lists of what is counted, each entry written once: number, label, and a sentence for an operator; and what becomes of it.

/// An enum from such a list. Codes are numbered once and never reused; the sentence is the variant's own documentation. With a
/// name behind the label, there is a `verdict` as well, of the `Verdict` that is in scope.
macro_rules! numbered {
    ($(#[$about:meta])+ $type:ident {
        $($(#[doc = $doc:literal])+ $name:ident = $code:literal, $label:literal, $verdict:ident;)+
    }) => {
        $crate::numbered::numbered! {
            $(#[$about])+
            $type { $($(#[doc = $doc])+ $name = $code, $label;)+ }
        }

        impl $type {
            /// What becomes of the packet.
            #[inline(always)]
            pub const fn verdict(self) -> Verdict {
                match self {
                    $(Self::$name => Verdict::$verdict,)+
                }
            }
        }
    };
    ($(#[$about:meta])+ $type:ident {
        $($(#[doc = $doc:literal])+ $name:ident = $code:literal, $label:literal;)+
    }) => {
        $(#[$about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum $type {
            $($(#[doc = $doc])+ $name = $code,)+
        }

        impl $type {
            /// Every one, in the order of the codes.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Its number, and place among the counters.
            #[inline(always)]
            pub const fn code(self) -> u32 {
                self as u32
            }

            /// Its name in `status`, metrics and the documentation.
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$name => $label,)+
                }
            }

            /// One sentence for an operator.
            pub const fn description(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),+).trim_ascii(),)+
                }
            }
        }
    };
}

/// An enum of what becomes of a packet, each with its label.
macro_rules! verdicts {
    ($(#[$about:meta])+ $type:ident {
        $($(#[$doc:meta])+ $name:ident = $label:literal;)+
    }) => {
        $(#[$about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $type {
            $($(#[$doc])+ $name,)+
        }

        impl $type {
            /// Its name where packets are shown.
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$name => $label,)+
                }
            }
        }
    };
}

pub(crate) use {numbered, verdicts};
