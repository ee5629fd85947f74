"""One file for each cache of keys and values; `parallelbench.decoding.CACHES` names them."""
