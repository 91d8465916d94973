"""Training of the small codecs of the controlled family, which differ in one attribute at a time; and their release."""
