"""Parts shared by several readers: names and rows of CDD and CodecFake, audio inside Parquet files, trimmed copies."""
