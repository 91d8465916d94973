"""The bundled sample corpus: synthetic speech, room impulse responses, and the programs that render them."""
