"""Tiny random transformers of four families, and a simple computation of word vectors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

TEXT = [
    "The cat sat on the mat. Don't stop, we saw naïve cafés in state-of-the-art Tokyo 日本 x1 x2!",
    "A reader finds 3 or 4 long words, unbelievably longwinded ones, here and there.",
]
WORDS = sorted({word for line in TEXT for word in line.split()})


def byte_level_bpe(special: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    size = len(alphabet) + len(special) + 60
    tokenizer.train_from_iterator(
        TEXT * 3,
        trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, special_tokens=special),
    )
    return tokenizer


def word_piece(lowercase: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(
        TEXT * 3, trainers.WordPieceTrainer(vocab_size=150, special_tokens=special)
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def save(folder: Path, config: dict, tokenizer: Tokenizer, extra: dict, model: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    built = getattr(transformers, model)(
        getattr(transformers, config.pop("class"))(vocab_size=tokenizer.get_vocab_size(), **config)
    )
    with torch.no_grad():
        for weight in built.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    built.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(extra))
    return folder


def bert(folder: Path, *, lowercase: bool = False, model: str = "BertModel", **more) -> Path:
    config = {"class": "BertConfig", "hidden_size": 16, "num_hidden_layers": 3} | more
    config |= {"num_attention_heads": 2, "intermediate_size": 24, "max_position_embeddings": 24}
    special = {f"{n}_token": f"[{n.upper()}]" for n in ("pad", "unk", "cls", "sep", "mask")}
    extra = {"tokenizer_class": "BertTokenizer", "do_lower_case": lowercase} | special
    return save(folder, config, word_piece(lowercase), extra, model)


def gpt2(folder: Path) -> Path:
    config = {"class": "GPT2Config", "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 20}
    ends = {f"{n}_token": "<|endoftext|>" for n in ("bos", "eos", "unk")}
    extra = {"tokenizer_class": "PreTrainedTokenizerFast"} | ends
    return save(folder, config, byte_level_bpe(["<|endoftext|>"]), extra, "GPT2LMHeadModel")


def roberta(folder: Path) -> Path:
    tokenizer = byte_level_bpe(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), add_prefix_space=False
    )
    config = {"class": "RobertaConfig", "hidden_size": 16, "num_hidden_layers": 2}
    config |= {"num_attention_heads": 2, "intermediate_size": 24, "max_position_embeddings": 26}
    config |= {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "type_vocab_size": 1}
    extra = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<pad>"}
    return save(folder, config, tokenizer, extra, "RobertaForMaskedLM")


def t5(folder: Path) -> Path:
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(
        TEXT * 3,
        trainers.BpeTrainer(vocab_size=150, special_tokens=["<pad>", "</s>", "<unk>"]),
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    config = {"class": "T5Config", "d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 2}
    config |= {"num_heads": 2, "n_positions": 24}
    extra = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<pad>"}
    extra |= {"model_max_length": 24}
    return save(folder, config, tokenizer, extra, "T5ForConditionalGeneration")


FAMILIES = {"bert": bert, "gpt2": gpt2, "roberta": roberta, "t5": t5}


class Plain:
    """Encode one sentence at a time with transformers; words are located in the running text."""

    def __init__(self, folder: Path, blank: bool) -> None:
        self.blank = blank
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
        self.model = model.get_encoder() if model.config.is_encoder_decoder else model

    def pieces(self, sentence) -> tuple[list[int], list[int | None]]:
        """Return ids with special tokens, and the word of each, by offsets in the running text."""
        text, word_at = "", []
        for i, word in enumerate(sentence):
            gap = " " if text or self.blank else ""
            text += gap + word
            word_at += [i] * len(gap + word)
        encoded = self.tokenizer(text, return_offsets_mapping=True, return_special_tokens_mask=True)
        words = [
            None if special else word_at[max(end - 1, 0)]
            for special, (_, end) in zip(
                encoded["special_tokens_mask"], encoded["offset_mapping"], strict=True
            )
        ]
        return encoded["input_ids"], words

    def hidden(self, ids: list[int]) -> np.ndarray:
        """Return the (L, n, D) hidden states of one row of ids."""
        with torch.inference_mode():
            output = self.model(input_ids=torch.tensor([ids]), output_hidden_states=True)
        return torch.stack(output.hidden_states)[:, 0].numpy()

    def encode(self, sentence, pooling: str = "mean") -> np.ndarray:
        """Return the (L, T, D) vectors of a sentence that fits into the window."""
        ids, words = self.pieces(sentence)
        states = self.hidden(ids)
        return pooled(states, words, len(sentence), pooling)


def pooled(states: np.ndarray, words: list[int | None], length: int, pooling: str) -> np.ndarray:
    out = np.zeros((len(states), length, states.shape[-1]), dtype=np.float32)
    for t in range(length):
        own = states[:, [k for k, word in enumerate(words) if word == t]].astype(np.float64)
        if own.shape[1]:
            chosen = {"mean": own.mean(1), "first": own[:, 0], "last": own[:, -1]}[pooling]
            out[:, t] = chosen
    return out
