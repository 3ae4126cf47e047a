"""Every limit of Runfold, each once. Bytes are of UTF-8 unless said otherwise.

Quotas that were only the hosted service's are lifted (design §13). What is left has a reason, told beside it.
"""

from __future__ import annotations

# Messages. Kafka's default max.message.bytes is 1 MiB for a batch; 900 KiB leaves room for its headers and the key.
MESSAGE_BYTES_MAX = 900 * 1024
MESSAGE_BYTES_ON_BROKER = 1024 * 1024  # the topics' max.message.bytes, for a whole batch

# A table, chart or image up to this size travels inside ArtifactLogged; larger ones go to object storage.
INLINE_BODY_BYTES_MAX = 256 * 1024

# Points in one MetricLogged: 20.1 bytes each keep it far below MESSAGE_BYTES_MAX, and a reader's work bounded.
POINTS_PER_EVENT_MAX = 32_768

# Names. Generous, yet bounded, since each is an index entry in Postgres (a B-tree entry takes at most 2,704 bytes).
RUN_ID_CHARACTERS_MAX = 256
EXPERIMENT_NAME_CHARACTERS_MAX = 256
METRIC_NAME_BYTES_MAX = 1024
COLUMN_NAME_BYTES_MAX = 1024
TAG_KEY_BYTES_MAX = 1024
PROPERTY_KEY_BYTES_MAX = 1024
ARTIFACT_PATH_BYTES_MAX = 1024  # also S3's limit for a key
LOG_NAME_BYTES_MAX = 1024  # with `log/` before it, it is a stream's name
DATASET_LINK_NAME_BYTES_MAX = 512
DATASET_ID_BYTES_MAX = 1040  # <name>:<version>; beside a run id and a link's name it is part of one index entry
SNAPSHOT_ID_BYTES_MAX = 256
DISPLAY_NAME_BYTES_MAX = 1024

# Values.
TAG_VALUE_BYTES_MAX = 64 * 1024
PROPERTY_VALUE_BYTES_MAX = 64 * 1024
DESCRIPTION_BYTES_MAX = 256 * 1024
TEXT_POINT_BYTES_MAX = 64 * 1024  # one string or big integer that was logged as a metric value
ERROR_MESSAGE_BYTES_MAX = 64 * 1024
STATUS_REASON_BYTES_MAX = 4 * 1024

# One call.
PROPERTIES_PER_CALL_MAX = 1_000
TAGS_PER_CALL_MAX = 10_000
COLUMNS_PER_ROW_MAX = 10_000
INTEGER_GETSIZEOF_MAX = (
    64  # the original's own rule for list, row and table: sys.getsizeof of an int, so 2**300 is refused
)

# Numbers. A step and a time stamp are 64-bit in Avro and in Postgres; whole numbers up to here are exact in a double.
STEP_MIN, STEP_MAX = -(2**63), 2**63 - 1
EXACT_INTEGER_MAX = 2**53

# A run. What comes after goes to one overflow series with a visible warning.
SERIES_PER_RUN_MAX = 100_000
OVERFLOW_SERIES = "runfold.overflow"

# Waiting at the API.
WAIT_SECONDS_MAX = 30.0

# Processes of a job that each keep connections to Kafka of their own, before the node's shippers do it for all.
SHIPPING_THREADS_MAX = 500
