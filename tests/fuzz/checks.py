"""The checks of the product that the fuzzer must see when they are switched off."""

from __future__ import annotations

from tests.fuzz.switches import Switch

_UNCHECKED = '__import__("tests.fuzz.switches", fromlist=["x"])'
_READ = f"{_UNCHECKED}.read_unchecked("
_SEAL = f"{_UNCHECKED}.without_seal("
_NO_IF = "if False:"

_CORE = [
    Switch(
        "a digest that is missing",
        "sealed JSON",
        "core.sealed:check_seal",
        {"if required(content):": _NO_IF},
    ),
    Switch(
        "the digest of sealed JSON",
        "sealed JSON",
        "core.sealed:check_seal",
        {"if value[SEAL] != digest:": _NO_IF},
    ),
    Switch(
        "the depth of JSON",
        "sealed JSON",
        "core.parsing:parse_json",
        {"if _depth(value) > MAX_JSON_DEPTH:": _NO_IF},
    ),
    Switch(
        "numbers that a float cannot hold",
        "squad",
        "core.parsing:_finite",
        {"if math.isinf(value):": _NO_IF},
    ),
    Switch(
        "NaN and Infinity in JSON",
        "squad",
        "core.parsing:_refused",
        {"raise ValueError(": "return len("},
    ),
    Switch(
        "how much a gzip file holds",
        "predictions",
        "core.parsing:gunzip",
        {"limit - size + 1": "0", "if size > limit:": _NO_IF},
        is_slow=True,
    ),
    Switch(
        "the end of a gzip file",
        "packed results",
        "core.parsing:gunzip",
        {"if not inflater.eof:": _NO_IF},
    ),
    Switch(
        "values that aliases of YAML repeat",
        "YAML",
        "core.yaml_files:_check_bounds",
        {"if total > MAX_YAML_VALUES:": _NO_IF},
        ("not refused", "hang", "memory"),
    ),
    Switch(
        "the depth of YAML",
        "YAML",
        "core.yaml_files:_check_bounds",
        {"if len(open_starts) > MAX_YAML_DEPTH:": _NO_IF},
    ),
    Switch(
        "the size of YAML",
        "YAML",
        "core.yaml_files:parse_yaml",
        {"if len(text) > MAX_YAML_BYTES:": _NO_IF},
    ),
    Switch(
        "a key of YAML that is given twice",
        "YAML",
        "core.yaml_files:_Loader.construct_mapping",
        {"if isinstance(key, Hashable) and key in seen:": _NO_IF},
    ),
]

_RESULTS = [
    Switch(
        "the digest of a record",
        "record",
        "tracking.record:parse_record",
        {"check_seal(": _SEAL},
    ),
    Switch(
        "the file that a record is in",
        "record",
        "tracking.record_store:RecordStore._own",
        {"if record.cell[:KEY_LENGTH] != cell[:KEY_LENGTH]:": _NO_IF},
    ),
    Switch(
        "the digest of a plan",
        "plan and costs",
        "tracking.plan_file:read_plan_file",
        {"read_sealed_json(": _READ},
    ),
    Switch(
        "the digest of measured costs",
        "plan and costs",
        "tracking.measured_costs:_unsealed",
        {"check_seal(": _SEAL},
    ),
    Switch(
        "the digest of predictions",
        "predictions",
        "tracking.prediction_files:check_digest",
        {"if predictions_digest(rows) != wanted:": _NO_IF},
    ),
    Switch(
        "the digest of a packed test set",
        "packed results",
        "tracking.packed:PackedPredictions._test_set",
        {"if digest_of(columns)[:KEY_LENGTH] != digest:": _NO_IF},
    ),
    Switch(
        "how much a member of packed predictions holds",
        "packed results",
        "tracking.packed:PackedPredictions._member",
        {"if archive.getinfo(name).file_size > MAX_UNPACKED_BYTES:": _NO_IF},
        is_slow=True,
    ),
    Switch(
        "the digest of head.json",
        "saved head",
        "training.saved:load_model",
        {"read_sealed_json(": _READ},
    ),
    Switch(
        "the digest of a head's weights",
        "saved head",
        "training.saved:_checked_weights",
        {"if wanted is not None and hashlib.sha256(weights).hexdigest() != wanted:": _NO_IF},
    ),
]

_STORE = [
    Switch(
        "the blocks of the store's vectors",
        "store",
        "features.store.blocks:BlockCheck._check",
        {"!= checksum:": "is None:"},
    ),
    Switch(
        "the digest of a shard's header",
        "verified store",
        "features.store.header:_check_digest",
        {"if hashlib.sha256(blank).hexdigest() != digest:": _NO_IF},
    ),
    Switch(
        "the folder and name that a shard states",
        "store",
        "features.store.shard:_read_shard",
        {"if stated != (path.parent.name, path.name):": _NO_IF},
    ),
    Switch(
        "the bytes of an old shard's header",
        "verified old store",
        "features.store.shard:check_shard",
        {"not is_as_written(raw, shard.header)": "False"},
    ),
    Switch(
        "the order of an old shard's header",
        "verified old store",
        "features.store.header:is_as_written",
        {"_ORDER.index(_CODES[item[1].dtype]), item[0]": "0"},
    ),
    Switch(
        "the checksum of an old shard's arrays",
        "verified old store",
        "features.store.shard:check_shard",
        {"if content_checksum(arrays) != shard.checksum:": _NO_IF},
    ),
    Switch(
        "bytes behind the arrays of a shard",
        "verified old store",
        "features.store.header:parse_header",
        {"if end < size:": _NO_IF},
    ),
    Switch(
        "the digest of the versions in an old shard",
        "verified old store",
        "features.store.header:parse_header",
        {'facts["versions_digest"] != digest_of(facts["versions"])': "False"},
    ),
    Switch(
        "the checksum of meta.json",
        "verified store",
        "features.store.meta:_check_content",
        {'meta["checksum"] != digest_of(content)': "False"},
    ),
    Switch(
        "the bytes of meta.json",
        "verified store",
        "features.store.meta:verify_meta",
        {"!= _text(meta).encode()": "is None"},
    ),
]

_PRETRAINING = [
    Switch(
        "the digest of a checkpoint",
        "checkpoint",
        "pretraining.checkpoints:CheckpointFolder._read",
        {"stated == tensors_digest(tensors, metadata)": "True"},
    ),
    Switch(
        "the step of a checkpoint's name",
        "checkpoint",
        "pretraining.checkpoints:CheckpointFolder._read",
        {"path == self._path(step)": "True"},
    ),
    Switch(
        "the digest of a training's log",
        "checkpoint",
        "pretraining.log_file:LogFile.cut",
        {'hashlib.sha256(kept).hexdigest() == state["sha256"]': "True"},
    ),
    Switch(
        "the digests of an encoded corpus",
        "encoded corpus",
        "pretraining.encoded:_check_digest",
        {'file_sha256(path) != expected["sha256"]': "False"},
    ),
    Switch(
        "the digest of an encoded corpus's index",
        "encoded corpus",
        "pretraining.encoded:_read_meta",
        {"read_sealed_json(": _READ},
    ),
    Switch(
        "the digest of a tokenizer",
        "tokenizer",
        "pretraining.bert.wordpiece:wordpiece_of",
        {"read_sealed_json(": _READ},
    ),
    Switch(
        "the digests of co-occurrences",
        "co-occurrences",
        "pretraining.glove.cooccurrence:open_run",
        {"if file_sha256(path) != digest:": _NO_IF},
    ),
    Switch(
        "the digest of a biLM's softmax",
        "biLM to start from",
        "pretraining.bilm.export:read_softmax",
        {'"sha256", None) != tensors_digest(softmax, digests)': '"sha256", None) is None'},
    ),
    Switch(
        "the digests of a biLM's files",
        "biLM to start from",
        "pretraining.bilm.export:read_softmax",
        {"if file_sha256(folder / name) != digests[name]:": _NO_IF},
    ),
    Switch(
        "the digests of a model's files",
        "model card",
        "pretraining.packing:_finished",
        {"if digest != entry.files[role].sha256:": _NO_IF},
    ),
    Switch(
        "the digest of a model card and a catalog",
        "model card",
        "features.catalog.sealed_text:read_sealed_text",
        {"seal is None or seal.group().strip() != _LAST + _digest(text[: seal.start()])": "False"},
    ),
]

_DATA = [
    Switch(
        "the digest that a card states",
        "data of a card",
        "data.cards.sources:fetch_source",
        {"if source.sha256 is not None and found != source.sha256:": _NO_IF},
    ),
    Switch(
        "the digest of pins",
        "pins",
        "data.download.pins:_read",
        {"read_sealed_json(": _READ},
    ),
    Switch(
        "how much a member of an archive holds",
        "archive",
        "data.download.archives:read_member",
        {
            "if info.file_size > limit:": _NO_IF,
            "stream.read(limit + 1)": "stream.read()",
            "if len(data) > limit:": _NO_IF,
        },
        is_slow=True,
    ),
    Switch(
        "how much a compressed text holds",
        "corpus text, gz",
        "pretraining.text_files:_Decompressed._check_expansion",
        {"if self._written > ": "if -1 > "},
        ("not refused", "hang"),
        is_slow=True,
    ),
    Switch(
        "the end of a compressed text",
        "corpus text, gz",
        "pretraining.text_files:_Decompressed.readinto",
        {'raise EOFError("it ends early")': "return 0"},
    ),
    Switch(
        "how much a compressed file of vectors holds",
        "containers",
        "features.static.containers:_CheckedStream.readinto",
        {"if self._left < 0:": _NO_IF},
        is_slow=True,
    ),
]

CHECKS = [*_CORE, *_RESULTS, *_STORE, *_PRETRAINING, *_DATA]
