"""The commands of `codecgrid codecs`: show, build, check, train, release, page."""
