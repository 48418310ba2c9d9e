"""The files that the import's yardsticks bring in: members with two tags each, and lists of tags."""

from __future__ import annotations

from pathlib import Path

TAGS = ("常客", "奶茶", "果汁", "咖啡", "甜點")
LISTED = "甜點"
HEAD = "會員編號,手機,姓名,性別,生日,標籤\r\n"
TAG_HEAD = "手機,標籤\r\n"
FAMILY, FIRST, SECOND = "陳林黃張李王吳劉蔡楊", "志怡雅俊淑家建美", "明君婷傑芬豪宏玲"


def phone(number: int) -> str:
    return f"09{number:08d}"


def member_line(number: int) -> str:
    """External number, phone, name, gender, birthday, two tags; each number is another person."""
    name = FAMILY[number % 10] + FIRST[number // 10 % 8] + SECOND[number // 80 % 8]
    birthday = f"{1950 + number % 50}-{1 + number % 12:02d}-{1 + number % 28:02d}"
    tags = f"{TAGS[0 if number % 3 else 3]}、{TAGS[1 if number % 2 else 2]}"
    return f"M{number:08d},{phone(number)},{name},{'女男'[number % 2]},{birthday},{tags}\r\n"


def member_file(folder: Path, first: int, count: int) -> Path:
    """Members `first` and the `count` - 1 behind; written line by line, so that nothing of it is held."""
    path = folder / f"members-{first}-{count}.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        file.write(HEAD)
        file.writelines(member_line(number) for number in range(first, first + count))
    return path


def tag_file(folder: Path, first: int, count: int) -> Path:
    """One tag for each of the members `first` and the `count` - 1 behind."""
    path = folder / f"tags-{first}-{count}.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        file.write(TAG_HEAD)
        file.writelines(f"{phone(number)},{LISTED}\r\n" for number in range(first, first + count))
    return path
