OTLP_TABLE = "otlp_in"
OTLP_FORMAT = "ProtobufSingle"
INGEST_SETTINGS: dict[str, object] = {}
