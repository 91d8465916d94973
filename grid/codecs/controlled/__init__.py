"""The networks of the controlled family: small neural codecs that differ in one attribute of the taxonomy at a time."""
