"""Closed classes of English words, in small letters, for the rules."""

from __future__ import annotations


def word_set(words: str) -> frozenset[str]:
    """Return the words of a text, which white space separates."""
    return frozenset(words.split())


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
INDEFINITE = word_set("nobody everybody somebody anybody everyone someone anyone everything nothing something")
CONJUNCTIONS = word_set("and or but because although if unless")
OPENERS = word_set("because although when while if but so since until before after though")
"""What a clause can begin with, so that the noun phrase behind it is a subject."""
PREPOSITIONS = word_set("of to at for with from into in on by about during under")
NUMBERS = word_set("two three four five six seven eight nine ten many several both few")
WISHES = word_set("if though wish wishes wished unless that lest whether than as")
CLITICS = word_set("'s 're 'm 'd 'll 've")
"""Contracted auxiliaries: "what's he doing"."""

PAST_ONLY = word_set(
    """
    went took gave came ran wrote ate began drank knew sang spoke drove rode fell flew grew threw drew blew tore swam
    rang sank froze shook forgot became arose forgave mistook overcame withdrew awoke sprang shrank undertook swore
    outgrew
    """
)
"""Past forms that are neither a participle nor a noun."""

HARDLY_NOUNS = word_set("go goes come comes say says eat eats get gets know knows see sees")
"""Verbs that the dictionary lists as nouns too."""

MAY_REPEAT = word_set(
    """
    had that very really so no far long many much more bye ha knock there yes never again do blah tut oh la hear
    """
)
"""Words that may come twice in a row: "had had", "knock knock"."""

NEITHER = word_set(
    """
    news series species means physics mathematics politics economics headquarters gymnastics athletics works police
    people staff team family group crew couple rest majority number half lot audience crowd class government company
    band pair dozen hundred thousand million youth poor rich young old cattle fish sheep deer data media public
    committee board other same first others range set kind type sort percentage minority variety measles billiards
    ethics statistics united states aircraft spacecraft hovercraft offspring salmon trout shrimp moose elk bison swine
    cod tuna squid blind elderly deaf wounded accused unemployed homeless sick dead living wealthy remainder total bulk
    handful score
    """
)
"""Nouns whose number the form does not tell, or that take either verb."""

MEASURES = word_set(
    """
    cents dollars pence pounds euros francs pesos rupees bucks seconds minutes hours days nights weeks months years
    decades centuries generations inches feet yards miles acres meters metres kilometers kilometres centimeters
    millimeters grams kilograms kilos ounces tons tonnes liters litres gallons quarts pints cups teaspoons tablespoons
    degrees percent points votes pages words calories watts volts knots steps times thirds quarters fifths eighths
    tenths dozens
    """
)
"""Units: a number of them is one amount and takes a singular verb ("ten dollars is"), or a plural one."""
