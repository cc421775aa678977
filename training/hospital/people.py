"""Two hundred patients of the demo hospital, all made up, with names in the scripts that a hospital meets.

A name is a DICOM PN value: `FAMILY^Given^Middle^Prefix^Suffix`, groups alphabetic=ideographic=phonetic. Greek, Cyrillic, Arabic, Hebrew
and Thai are alphabetic scripts and stand in the first group (PS3.5 6.2.1.2); for some people the romanised name stands
there and the native one in the second, since hospitals do either.
"""

from datetime import date, timedelta
from decimal import Decimal
from random import Random

from ris.actions.patients import PatientData

_LATIN = """
F ADAMS^Margaret^Rose
M ANDERSON^Thomas^James
F BAKER^Olivia
M BENNETT^Charles^^Dr
F BROOKS^Danielle^Marie
M CAMPBELL^Angus^Ross
F CARTER^Denise
M COLLINS^Patrick^Joseph
F COOPER^Harriet
M DIAZ^Miguel^Ángel
F EVANS^Bronwen^Mair
M FITZGERALD^Liam
F FOSTER^Jasmine^Nicole
M GRAHAM^Walter^^^Jr
F GREEN^Abigail
M HARRIS^Desmond
F HAYES^Patricia^Ann
M HUGHES^Gareth
F JACKSON^Latoya^Renée
M JOHNSON^Samuel^Lee
F KELLY^Siobhán
M KING^Marcus^Anthony
F LAWSON^Edith^Grace
M LEE^Jonathan
F MARTIN^Chloe
M MCARTHUR^Duncan^Iain
F MITCHELL^Ruth^Ellen
M MURPHY^Cormac
F NELSON^Ingrid
M O'BRIEN^Fergus^Michael
F O'NEILL^Aoife
M PARKER^Elijah
F PHILLIPS^Monica^Jean
M REYNOLDS^Harold^Edward
F ROBINSON^Keisha
M RUSSELL^Gordon
F SANDERS^Louise^Amelia
M SIMMONS^Terrence
F STEWART^Fiona^Catriona
M TAYLOR^Benjamin
F THOMPSON^Shirley^May
M TURNER^Isaac^Daniel
F WALKER^Josephine
M WASHINGTON^Curtis
F WEBB^Constance
M WHITE^Nathaniel^John
F WILSON^Priscilla
M WRIGHT^Raymond^Earl
F YOUNG^Beverly
M ZIEGLER^Otto
F ÅBERG^Linnéa
M ØSTERGAARD^Søren^Bjarne
F GUÐMUNDSDÓTTIR^Sigríður
M MÄKELÄ^Väinö
F BJÖRKLUND^Åsa^Kristina
M HÄMÄLÄINEN^Pekka
M MÜLLER^Jürgen^Emil
F SCHRÖDER^Mathilde
F GROß^Anneliese
M STRAUß^Jörg^^Prof. Dr.
F LEFÈVRE^Zoé^Éloïse
M CÔTÉ^François-Xavier
F BEAUSÉJOUR^Hélène
M D'HAESE^Maarten
F VAN DER BERG^Saskia
M DE VRIES^Joost
F GARCÍA MÁRQUEZ^Lucía
M NÚÑEZ DE LA PEÑA^Íñigo
F PEÑA^Xiomara
M GONÇALVES^João^Inácio
F CONCEIÇÃO^Inês
M D'ANGELO^Niccolò
F ROSSI^Maria Chiara
M ESPOSITO^Gennaro
F KOWALCZYK^Małgorzata
M WIŚNIEWSKI^Łukasz
F DVOŘÁKOVÁ^Zdeňka
M ŠŤASTNÝ^Jiří
F KOVÁČOVÁ^Ľubica
M SZABÓ^Győző
F ŐRY^Tünde
M POPESCU^Ștefan
F ȚURCANU^Ioana
M ŽUPANČIČ^Matjaž
F ĐORĐEVIĆ^Višnja
M BĒRZIŅŠ^Jānis
F ŠIMKUTĖ^Rūta
M ÕUNAPUU^Märt
F YILMAZ^Çiğdem
M ŞAHİN^İlker
F AĞAOĞLU^Gülşen
M NGUYỄN^Văn Hùng
F TRẦN^Thị Bích
M ĐẶNG^Quốc Việt
F LÊ^Mỹ Dung
M OKONKWO^Chukwuemeka
F ADÉBÁYỌ̀^Oluwaṣeun
M MWANGI^Kamau
F NDLOVU^Thandeka
M BA^Ousmane
F HAILEMARIAM^Selam
M SINGH^Gurpreet
F KAPOOR^Ananya
M RAHMAN^Tariqul
F FERNANDO^Dilhani
M SANTOS^Jose Maria
F KEALOHA^Leilani
M TE RANGI^Wīremu
"""

_JAPANESE = """
M YAMADA^Tarou=山田^太郎=やまだ^たろう
F TANAKA^Hanako=田中^花子=たなか^はなこ
M SUZUKI^Kenji=鈴木^健二=すずき^けんじ
F SATOU^Misaki=佐藤^美咲=さとう^みさき
M TAKAHASHI^Shouta=高橋^翔太=たかはし^しょうた
F ITOU^Youko=伊藤^洋子=いとう^ようこ
M WATANABE^Daisuke=渡辺^大輔=わたなべ^だいすけ
F NAKAMURA^Sakura=中村^さくら=なかむら^さくら
M KOBAYASHI^Makoto=小林^誠=こばやし^まこと
F SAITOU^Akemi=齋藤^明美=さいとう^あけみ
M YOSHIDA^Hiroshi=吉田^浩=よしだ^ひろし
F HASEGAWA^Rin=長谷川^凜=はせがわ^りん
M MORI^Ichirou=森^一郎=もり^いちろう
F KIMURA^Kazuko=木村^和子=きむら^かずこ
M SHIMIZU^Naoki=清水^直樹=しみず^なおき
F OGAWA^Emi=小川^恵美=おがわ^えみ
"""

_KOREAN = """
M HONG^Kildong=洪^吉洞=홍^길동
F KIM^Jiyeon=金^智妍=김^지연
M LEE^Minho=李^敏鎬=이^민호
F PARK^Seoyeon=朴^書娟=박^서연
M CHOI^Dongwook=崔^東旭=최^동욱
F JUNG^Eunji=鄭^恩智=정^은지
M KANG^Hyunwoo=姜^賢祐=강^현우
F YOON^Soyoung=尹^素英=윤^소영
M HAN^Sangmin=韓^相敏=한^상민
F OH^Yuna=吳^幼娜=오^유나
"""

_CHINESE = """
M WANG^Xiaodong=王^小东
F LI^Na=李^娜
M ZHANG^Wei=张^伟
F LIU^Yang=刘^洋
M CHEN^Jianguo=陈^建国
F YANG^Meiling=楊^美玲
M HUANG^Zhiming=黃^志明
F ZHAO^Xiuying=赵^秀英
M WU^Haoran=吴^浩然
F LIN^Shufen=林^淑芬
M OUYANG^Feng=歐陽^峰
F SUN^Yuting=孙^雨婷
"""

_GREEK = """
M ΠΑΠΑΔΟΠΟΥΛΟΣ^Γεώργιος
F ΠΑΠΑΔΟΠΟΥΛΟΥ^Ελένη
M ΟΙΚΟΝΟΜΟΥ^Διονύσιος
F ΚΑΡΑΓΙΑΝΝΗ^Σοφία
M ΝΙΚΟΛΑΪΔΗΣ^Σπυρίδων
F ΒΛΑΧΟΥ^Αικατερίνη
M ANTONIOU^Christos=ΑΝΤΩΝΙΟΥ^Χρήστος
F DIMITRIOU^Evangelia=ΔΗΜΗΤΡΙΟΥ^Ευαγγελία
"""

_CYRILLIC = """
M ИВАНОВ^Сергей^Петрович
F СМИРНОВА^Ольга^Николаевна
M КУЗНЕЦОВ^Дмитрий
F ФЁДОРОВА^Наталья^Алексеевна
M ШЕВЧЕНКО^Тарас^Богданович
F КОВАЛЕНКО^Їлона
M ГЕОРГИЕВ^Христо
F ДИМИТРОВА^Цветелина
M ЈОВАНОВИЋ^Љубомир
F ПЕТРОВИЋ^Ђурђица
M ВАЎЧОК^Уладзімір
F MOROZOVA^Yekaterina=МОРОЗОВА^Екатерина
"""

_ARABIC = """
M قباني^نزار
F الحداد^ليلى
M المصري^أحمد^محمود
F العلي^فاطمة الزهراء
M بن يوسف^عبد الرحمن
F الخطيب^مريم
M KHALIL^Omar=خليل^عمر
F RAHIMI^Parisa=رحیمی^پریسا
"""

_HEBREW = """
F שרון^דבורה
F כהן^רחל
M לוי^אברהם
F מזרחי^שולמית
M פרידמן^יצחק
F BEN-DAVID^Tamar=בן-דוד^תמר
"""

_THAI = """
M ใจดี^สมชาย
F ศรีสุข^มาลี
M วงศ์สวัสดิ์^ประเสริฐ
F SAETANG^Malai=แซ่ตั้ง^มาลัย
"""

_INDIC_AND_CAUCASIAN = """
M शर्मा^राजेश
F पटेल^सुनीता
M இராமசாமி^முருகன்
F বন্দ্যোপাধ্যায়^অনিন্দিতা
M ՀԱԿՈԲՅԱՆ^Արամ
F ՍԱՐԳՍՅԱՆ^Անահիտ
M ჯავახიშვილი^გიორგი
F ბერიძე^ნინო
M PATEL^Vikram=પટેલ^વિક્રમ
F KAUR^Harjit=ਕੌਰ^ਹਰਜੀਤ
"""

_MORE_LATIN = """
F HOLLOWAY^Ada^Lucille
M IBARRA^Teodoro
F QUIGLEY^Nora
M VASQUEZ^Ramón
F XAVIER^Célia
M UNDERHILL^Frederick^Neville^Sir
"""

_EVERYBODY = (
    _LATIN, _JAPANESE, _KOREAN, _CHINESE, _GREEK, _CYRILLIC, _ARABIC, _HEBREW, _THAI, _INDIC_AND_CAUCASIAN, _MORE_LATIN,
)  # fmt: skip

ALLERGIES = ("Iodinated contrast media", "Penicillin", "Latex", "Gadolinium chelates", "Peanuts", "Adhesive tape", "Aspirin")
ALERTS = (
    "Cardiac pacemaker",
    "Diabetes, on metformin",
    "Anticoagulated",
    "MRSA carrier",
    "Kidney function eGFR 38",
    "Hip prosthesis",
)
NEEDS = ("Wheelchair", "Hearing aid", "Interpreter needed", "Oxygen 2 l/min", "Claustrophobia")
_EPOCH = date(1932, 1, 4)
_DAYS_OF_BIRTH = 365 * 88


def patients(seed: int) -> list[PatientData]:
    """All two hundred, the same for the same seed; every patient has a birth date, most have a weight."""
    chance = Random(seed)
    lines = [line for block in _EVERYBODY for line in block.strip().splitlines()]
    return [_patient(line[0], line[2:], chance) for line in lines]


def _patient(sex: str, name: str, chance: Random) -> PatientData:
    birth_date = _EPOCH + timedelta(days=chance.randrange(_DAYS_OF_BIRTH))
    grown_up = birth_date < date(2006, 1, 1)
    size = chance.gauss(1.64 if sex == "F" else 1.77, 0.07) if grown_up else None
    weight = size * size * chance.uniform(19, 33) if size else None
    return PatientData(
        name=name,
        birth_date=birth_date,
        sex=sex,
        size_m=Decimal(f"{size:.2f}") if size else None,
        weight_kg=Decimal(f"{weight:.1f}") if weight and chance.random() < 0.9 else None,
        allergies=chance.sample(ALLERGIES, chance.choice((1, 1, 2))) if chance.random() < 0.2 else [],
        medical_alerts=chance.sample(ALERTS, chance.choice((1, 1, 2))) if chance.random() < 0.15 else [],
        special_needs=chance.choice(NEEDS) if chance.random() < 0.1 else "",
    )
