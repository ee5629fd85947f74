"""Closed classes of English words, for the rules."""

from __future__ import annotations

BE_SINGULAR, BE_PLURAL = frozenset({"is", "was"}), frozenset({"are", "were"})
BE = frozenset({"am", "be", "been", "being"}) | BE_SINGULAR | BE_PLURAL
BE_FINITE = frozenset({"am"}) | BE_SINGULAR | BE_PLURAL
SINGULAR = BE_SINGULAR | {"has", "does"}
PLURAL = BE_PLURAL | {"have", "do"}
HAVE = frozenset({"have", "has", "had", "'ve"})
DO = frozenset({"do", "does", "did"})
MODALS = frozenset({"can", "could", "will", "would", "shall", "should", "may", "might", "must", "ca", "wo", "'ll"})
AUXILIARIES = BE | HAVE | DO | MODALS

ARTICLES = frozenset({"a", "an", "the"})
OWNERS = frozenset({"my", "your", "our", "their"})
DETERMINERS = ARTICLES | OWNERS | {"every", "his", "its"}
ONE = frozenset({"a", "an", "every", "each", "another"})
SUBJECTS = frozenset({"i", "he", "she", "we", "they"})
OBJECTS = frozenset({"me", "him", "us", "them"})
THIRD = frozenset({"he", "she", "it"})
MANY = frozenset({"we", "you", "they"})
INDEFINITE = frozenset(
    {"nobody", "everybody", "somebody", "anybody", "everyone", "someone", "anyone", "everything", "nothing", "something"}
)
CONJUNCTIONS = frozenset({"and", "or", "but", "because", "although", "if", "unless"})
OPENERS = frozenset({"because", "although", "when", "while", "if", "but", "so", "since", "until", "before", "after", "though"})
"""What a clause can begin with, so that the noun phrase behind it is a subject."""
PREPOSITIONS = frozenset({"of", "to", "at", "for", "with", "from", "into", "in", "on", "by", "about", "during", "under"})
NUMBERS = frozenset({"two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "many", "several", "both", "few"})
WISHES = frozenset({"if", "though", "wish", "wishes", "wished", "unless", "that", "lest", "whether", "than", "as"})

PAST_ONLY = frozenset(
    {
        "went",
        "took",
        "gave",
        "came",
        "ran",
        "wrote",
        "ate",
        "began",
        "drank",
        "knew",
        "sang",
        "spoke",
        "drove",
        "rode",
        "fell",
        "flew",
        "grew",
        "threw",
        "drew",
        "blew",
        "tore",
        "swam",
        "rang",
        "sank",
        "froze",
        "shook",
        "forgot",
        "became",
        "arose",
        "forgave",
        "mistook",
        "overcame",
        "withdrew",
        "awoke",
        "sprang",
        "shrank",
        "undertook",
        "swore",
        "outgrew",
    }
)
"""Past forms that are neither a participle nor a noun."""

HARDLY_NOUNS = frozenset(
    {"go", "goes", "come", "comes", "say", "says", "eat", "eats", "get", "gets", "know", "knows", "see", "sees"}
)
"""Verbs that the dictionary lists as nouns too."""

MAY_REPEAT = frozenset(
    {
        "had",
        "that",
        "very",
        "really",
        "so",
        "no",
        "far",
        "long",
        "many",
        "much",
        "more",
        "bye",
        "ha",
        "knock",
        "there",
        "yes",
        "never",
        "again",
        "do",
    }
)
NEITHER = frozenset(
    {
        "news",
        "series",
        "species",
        "means",
        "physics",
        "mathematics",
        "politics",
        "economics",
        "headquarters",
        "gymnastics",
        "athletics",
        "works",
        "police",
        "people",
        "staff",
        "team",
        "family",
        "group",
        "crew",
        "couple",
        "rest",
        "majority",
        "number",
        "half",
        "lot",
        "audience",
        "crowd",
        "class",
        "government",
        "company",
        "band",
        "pair",
        "dozen",
        "hundred",
        "thousand",
        "million",
        "youth",
        "poor",
        "rich",
        "young",
        "old",
        "cattle",
        "fish",
        "sheep",
        "deer",
        "data",
        "media",
        "public",
        "committee",
        "board",
        "other",
        "same",
        "first",
        "others",
        "range",
        "set",
        "kind",
        "type",
        "sort",
        "percentage",
        "minority",
        "variety",
        "measles",
        "billiards",
        "ethics",
        "statistics",
        "united",
        "states",
    }
)
"""Nouns whose number the form does not tell, or that take either verb."""
