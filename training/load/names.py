"""Pools of common family and given names by country, and how its hospitals write a name as a DICOM PN value.

A word of several forms separates them by `/`: for a family name that of a man and that of a woman, or (Japan, Korea, China) the
alphabetic, ideographic and phonetic form. Names put together from the pools belong to nobody.
"""

from dataclasses import dataclass
from enum import Enum, auto
from random import Random


class Writing(Enum):
    """Component groups of a name (PS3.5 6.2.1.2, Annexes H to K)."""

    ALPHABETIC = auto()  # one group in the country's own alphabet
    GROUPS = auto()  # alphabetic=ideographic, with =phonetic where the words have three forms


@dataclass(frozen=True)
class Country:
    """`share` is how often a patient comes from here; `middle`: how often a second given name is known."""

    share: float
    families: tuple[str, ...]
    women: tuple[str, ...]
    men: tuple[str, ...]
    writing: Writing = Writing.ALPHABETIC
    middle: float = 0.0


def _country(share: float, families: str, women: str, men: str, writing: Writing = Writing.ALPHABETIC, middle: float = 0.0) -> Country:
    return Country(share, tuple(families.split()), tuple(women.split()), tuple(men.split()), writing, middle)


_ENGLISH = _country(
    40,
    """SMITH JOHNSON WILLIAMS BROWN JONES MILLER DAVIS WILSON ANDERSON TAYLOR THOMAS MOORE JACKSON MARTIN LEE THOMPSON WHITE HARRIS
    CLARK LEWIS ROBINSON WALKER YOUNG ALLEN KING WRIGHT SCOTT HILL GREEN ADAMS NELSON BAKER HALL CAMPBELL MITCHELL CARTER ROBERTS
    PHILLIPS EVANS TURNER PARKER EDWARDS COLLINS STEWART MORRIS MURPHY COOK ROGERS MORGAN COOPER PETERSON BAILEY REED KELLY HOWARD
    WARD WATSON BROOKS BENNETT GRAY HUGHES PRICE LONG FOSTER SANDERS ROSS POWELL SULLIVAN RUSSELL O'BRIEN O'CONNOR MCCARTHY MCDONALD""",
    """Mary Patricia Jennifer Linda Elizabeth Barbara Susan Jessica Karen Sarah Lisa Nancy Sandra Betty Ashley Emily Kimberly Margaret
    Donna Michelle Carol Amanda Melissa Deborah Stephanie Rebecca Laura Sharon Cynthia Dorothy Amy Kathleen Angela Shirley Emma Brenda
    Pamela Nicole Anna Samantha Katherine Christine Helen Debra Rachel Carolyn Janet Maria Olivia Heather""",
    """James Robert John Michael David William Richard Joseph Thomas Charles Christopher Daniel Matthew Anthony Mark Donald Steven
    Andrew Paul Joshua Kenneth Kevin Brian George Timothy Ronald Edward Jason Jeffrey Ryan Jacob Gary Nicholas Eric Jonathan Stephen
    Larry Justin Scott Brandon Benjamin Samuel Gregory Alexander Patrick Frank Raymond Jack Dennis Jerry""",
    middle=0.5,
)
_SPANISH = _country(
    13,
    "GARCÍA RODRÍGUEZ MARTÍNEZ HERNÁNDEZ LÓPEZ GONZÁLEZ PÉREZ SÁNCHEZ RAMÍREZ TORRES FLORES RIVERA GÓMEZ DÍAZ CRUZ MORALES REYES "
    "GUTIÉRREZ ORTIZ CHÁVEZ RUIZ ÁLVAREZ CASTILLO JIMÉNEZ VÁSQUEZ MUÑOZ PEÑA NÚÑEZ IBÁÑEZ ZÚÑIGA",
    "María Guadalupe Ana Carmen Rosa Juana Sofía Lucía Elena Isabel Teresa Beatriz Verónica Inés Pilar Concepción Mercedes Ximena",
    "José Luis Juan Carlos Jesús Francisco Miguel Antonio Alejandro Pedro Rafael Fernando Ramón Andrés Héctor Raúl Óscar Íñigo",
    middle=0.4,
)
_FRENCH = _country(
    5,
    "MARTIN BERNARD DUBOIS DURAND LEROY MOREAU LEFÈVRE GARÇON FRANÇOIS BÉRANGER HÉBERT LÉVESQUE CÔTÉ GAGNÉ",
    "Marie Françoise Hélène Chloé Amélie Élodie Zoé Noémie Cécile Anaïs Geneviève Thérèse",
    "Jean François René André Théo Jérôme Étienne Benoît Gaël Loïc Cédric Rémi",
)
_GERMAN = _country(
    5,
    "MÜLLER SCHMIDT SCHNEIDER FISCHER WEBER MEYER WAGNER SCHÄFER KÖNIG KRÜGER GROß JÄGER WEIß SCHRÖDER BÖHM GÜNTHER",
    "Ursula Käthe Hannelore Heike Sabine Bärbel Anneliese Katrin Gudrun Birgit Änne Sigrid",
    "Jürgen Hans Günter Klaus Björn Jörg Wolfgang Götz Rüdiger Matthias Uwe Lutz",
)
_SWEDISH = _country(
    1.5,
    "ANDERSSON JOHANSSON KARLSSON ÅBERG SJÖGREN NYSTRÖM ÅKESSON LINDSTRÖM BERGSTRÖM HÅKANSSON",
    "Ingrid Märta Linnéa Åsa Astrid Kerstin Birgitta Maj",
    "Åke Sören Håkan Mårten Göran Björn Lars Nils",
)
_NORWEGIAN_DANISH = _country(
    1.2,
    "HANSEN JOHANSEN ØSTERGAARD BJØRNSEN SØRENSEN RASMUSSEN JØRGENSEN PEDERSEN",
    "Åse Ingrid Bjørg Solveig Kirsten Søs Marit",
    "Bjørn Øyvind Gunnar Leif Søren Jørgen Håkon",
)
_FINNISH = _country(
    0.7,
    "MÄKINEN VIRTANEN HÄMÄLÄINEN KORHONEN NIEMINEN LEHTIMÄKI RÄSÄNEN",
    "Kirsi Päivi Aino Äänikki Helmi Sirkka Hilkka",
    "Väinö Pekka Jussi Yrjö Heikki Antti Seppo",
)
_ICELANDIC = _country(
    0.3,
    "ÞÓRSSON/ÞÓRSDÓTTIR JÓNSSON/JÓNSDÓTTIR SIGURÐSSON/SIGURÐARDÓTTIR GUÐMUNDSSON/GUÐMUNDSDÓTTIR EINARSSON/EINARSDÓTTIR "
    "MAGNÚSSON/MAGNÚSDÓTTIR",
    "Sólveig Guðrún Sigríður Kristín Þórunn Ásta",
    "Jón Guðmundur Þór Björn Ólafur Ásgeir",
)
_POLISH = _country(
    2.5,
    "NOWAK KOWALSKI/KOWALSKA WIŚNIEWSKI/WIŚNIEWSKA WÓJCIK ZIELIŃSKI/ZIELIŃSKA KAMIŃSKI/KAMIŃSKA"
    " LEWANDOWSKI/LEWANDOWSKA DĄBROWSKI/DĄBROWSKA",
    "Małgorzata Agnieszka Łucja Katarzyna Bożena Grażyna Elżbieta",
    "Łukasz Paweł Tomasz Wojciech Stanisław Michał Józef",
)
_CZECH = _country(
    1,
    "NOVÁK/NOVÁKOVÁ DVOŘÁK/DVOŘÁKOVÁ ČERNÝ/ČERNÁ SVOBODA/SVOBODOVÁ PROCHÁZKA/PROCHÁZKOVÁ HORÁK/HORÁKOVÁ",
    "Jiřina Božena Lenka Věra Květa Zdeňka Alžběta",
    "Jiří Ondřej Tomáš Zdeněk Řehoř Václav Luboš",
)
_HUNGARIAN = _country(
    1,
    "SZABÓ NAGY KŐRÖSI TÓTH KOVÁCS HORVÁTH SZŰCS VÖRÖS",
    "Zsófia Erzsébet Katalin Ágnes Tünde Ibolya Enikő",
    "György László Ferenc Zoltán Gergő István Jenő",
)
_TURKISH = _country(
    1.5,
    "YILMAZ ÖZTÜRK ŞAHİN ÇELİK KAYA DEMİR YILDIZ AYDIN",
    "Ayşe Gülşen İpek Fatma Zeynep Çiğdem Özlem",
    "Mehmet Çağrı Ömer Mustafa Hüseyin İbrahim Gökhan",
)
_ROMANIAN = _country(
    0.6,
    "POPESCU IONESCU ȚEPEȘ DUMITRU STĂNESCU RĂDULESCU",
    "Ștefania Ioana Mădălina Elena Mihaela Brândușa",
    "Ștefan Ion Cătălin Andrei Răzvan Gheorghe",
)
_CROATIAN_SERBIAN = _country(
    0.6,
    "HORVAT ĐUKIĆ KOVAČEVIĆ JOVANOVIĆ PETROVIĆ MARKOVIĆ",
    "Đurđica Željka Snježana Ana Jelena Dragica",
    "Đorđe Željko Ivan Marko Miloš Siniša",
)
_VIETNAMESE = _country(
    2, "NGUYỄN TRẦN LÊ PHẠM HOÀNG HUỲNH VŨ ĐẶNG BÙI ĐỖ", "Hương Linh Thảo Trang Ngọc Mỹ Hạnh", "Đức Hùng Tuấn Dũng Thắng Quốc Việt"
)
_RUSSIAN = _country(
    5,
    "ИВАНОВ/ИВАНОВА СМИРНОВ/СМИРНОВА КУЗНЕЦОВ/КУЗНЕЦОВА ПОПОВ/ПОПОВА ВАСИЛЬЕВ/ВАСИЛЬЕВА ПЕТРОВ/ПЕТРОВА СОКОЛОВ/СОКОЛОВА "
    "МИХАЙЛОВ/МИХАЙЛОВА ФЁДОРОВ/ФЁДОРОВА МОРОЗОВ/МОРОЗОВА ВОЛКОВ/ВОЛКОВА ДОСТОЕВСКИЙ/ДОСТОЕВСКАЯ ШЕВЧЕНКО КОВАЛЕНКО ЩЕРБАКОВ/ЩЕРБАКОВА",
    "Анна Елена Ольга Наталья Татьяна Мария Ирина Светлана Екатерина Юлия Людмила Оксана Любовь",
    "Александр Сергей Дмитрий Андрей Алексей Максим Иван Михаил Николай Юрий Пётр Тарас",
)
_GREEK = _country(
    3,
    "ΠΑΠΑΔΟΠΟΥΛΟΣ/ΠΑΠΑΔΟΠΟΥΛΟΥ ΒΛΑΧΟΣ/ΒΛΑΧΟΥ ΑΓΓΕΛΟΠΟΥΛΟΣ/ΑΓΓΕΛΟΠΟΥΛΟΥ ΝΙΚΟΛΑΪΔΗΣ/ΝΙΚΟΛΑΪΔΟΥ ΓΕΩΡΓΙΟΥ ΔΗΜΗΤΡΙΟΥ ΟΙΚΟΝΟΜΟΥ "
    "ΚΑΡΑΓΙΑΝΝΗΣ/ΚΑΡΑΓΙΑΝΝΗ ΜΑΚΡΗΣ/ΜΑΚΡΗ ΧΑΤΖΗΣ/ΧΑΤΖΗ",
    "Μαρία Ελένη Κατερίνα Βασιλική Σοφία Αγγελική Γεωργία Χρυσούλα Ιωάννα",
    "Γεώργιος Δημήτριος Κωνσταντίνος Ιωάννης Νικόλαος Χρήστος Παναγιώτης Σπύρος",
)
_ARABIC = _country(
    4,
    "الأحمد الحسن العلي المصري الحداد النجار خوري منصور السيد إبراهيم حمدان القاسم",
    "فاطمة عائشة مريم ليلى نور زينب هدى سلمى خديجة",
    "محمد أحمد علي حسن عمر يوسف خالد إبراهيم سعيد",
)
_HEBREW = _country(
    2, "כהן לוי מזרחי פרץ ביטון פרידמן אברהם דהן בן-דוד שפירא", "תמר נועה יעל שרה רחל מרים אביגיל", "דוד יוסף משה אורי יצחק נועם אריאל"
)
_THAI = _country(2, "ใจดี ศรีสุข วงศ์สวัสดิ์ แซ่ตั้ง บุญมี ทองคำ สุขใจ รัตนพันธ์", "มาลี สมหญิง สุดา วันเพ็ญ นภา อรุณี", "สมชาย ประเสริฐ สมศักดิ์ วิชัย อนันต์ ธนพล")
_JAPANESE = _country(
    4,
    "SATOU/佐藤/さとう SUZUKI/鈴木/すずき TAKAHASHI/高橋/たかはし TANAKA/田中/たなか ITOU/伊藤/いとう "
    "WATANABE/渡辺/わたなべ YAMAMOTO/山本/やまもと "
    "NAKAMURA/中村/なかむら KOBAYASHI/小林/こばやし KATOU/加藤/かとう YOSHIDA/吉田/よしだ "
    "YAMADA/山田/やまだ MATSUMOTO/松本/まつもと INOUE/井上/いのうえ",
    "Hanako/花子/はなこ Youko/陽子/ようこ Keiko/恵子/けいこ Misaki/美咲/みさき "
    "Yumi/由美/ゆみ Sakura/桜/さくら Akemi/明美/あけみ Aoi/葵/あおい",
    "Tarou/太郎/たろう Hiroshi/浩/ひろし Kenji/健二/けんじ Shouta/翔太/しょうた "
    "Makoto/誠/まこと Takashi/隆/たかし Daiki/大輝/だいき Ren/蓮/れん",
    Writing.GROUPS,
)
_KOREAN = _country(
    2,
    "KIM/金/김 LEE/李/이 PARK/朴/박 CHOI/崔/최 JUNG/鄭/정 KANG/姜/강 CHO/趙/조 YOON/尹/윤 JANG/張/장 LIM/林/임",
    "Seoyeon/瑞姸/서연 Jiwoo/智友/지우 Minji/旼志/민지 Eunju/恩珠/은주 Younghee/英姬/영희 Sujin/秀珍/수진",
    "Minjun/珉俊/민준 Jihoon/志勳/지훈 Youngho/永浩/영호 Sungmin/成敏/성민 Donghyun/東炫/동현 Chulsoo/哲洙/철수",
    Writing.GROUPS,
)
_CHINESE = _country(
    3,
    "WANG/王 LI/李 ZHANG/张 LIU/刘 CHEN/陈 YANG/杨 HUANG/黄 ZHAO/赵 WU/吴 ZHOU/周 XU/徐 SUN/孙 MA/马 ZHU/朱 HU/胡 GUO/郭",
    "Fang/芳 Min/敏 Jing/静 Li/丽 Yan/艳 Xiuying/秀英 Meiling/美玲 Xiaohong/小红 Yuting/雨婷",
    "Wei/伟 Qiang/强 Lei/磊 Jun/军 Yong/勇 Tao/涛 Jianguo/建国 Zhiqiang/志强 Haoran/浩然",
    Writing.GROUPS,
)

COUNTRIES = (
    _ENGLISH, _SPANISH, _FRENCH, _GERMAN, _SWEDISH, _NORWEGIAN_DANISH, _FINNISH, _ICELANDIC, _POLISH, _CZECH, _HUNGARIAN,
    _TURKISH, _ROMANIAN, _CROATIAN_SERBIAN, _VIETNAMESE, _RUSSIAN, _GREEK, _ARABIC, _HEBREW, _THAI,
    _JAPANESE, _KOREAN, _CHINESE,
)  # fmt: skip
_SHARES = [sum(country.share for country in COUNTRIES[: position + 1]) for position in range(len(COUNTRIES))]


def person_name(sex: str, chance: Random) -> str:
    """A name for somebody of this sex (F, else a man's), of a country drawn by its share."""
    country = chance.choices(COUNTRIES, cum_weights=_SHARES)[0]
    given_names = country.women if sex == "F" else country.men
    family, given = chance.choice(country.families), chance.choice(given_names)
    if country.writing is Writing.GROUPS:
        return "=".join(f"{one}^{other}" for one, other in zip(family.split("/"), given.split("/"), strict=True))
    of_men, _, of_women = family.partition("/")
    name = f"{of_women if sex == 'F' and of_women else of_men}^{given}"
    second = chance.choice(given_names) if chance.random() < country.middle else given
    return name if second == given else f"{name}^{second}"


def physician_names(count: int, chance: Random) -> list[str]:
    """Names with the prefix Dr, as referring physicians are written."""
    found: list[str] = []
    while len(found) < count:
        family, given = chance.choice(_ENGLISH.families), chance.choice(_ENGLISH.women + _ENGLISH.men)
        found.append(f"{family}^{given}^^Dr")
    return found
