"""One file for each published family of decoders; `parallelbench.decoding.DECODERS` names them."""
