"""Who asks for the demo's exams, from where and why; who performs them; and why some do not take place. All made up."""

PHYSICIANS = (
    "ACHTERBERG^Willem^^Dr",
    "BASU^Meera^^Dr",
    "CHANDLER^Ruth^Anne^Dr",
    "DELACROIX^Étienne^^Dr",
    "ESTRADA^Paloma^^Dr",
    "FINNEGAN^Brendan^^Dr",
    "GUPTA^Arjun^^Dr",
    "HOLMBERG^Annika^^Dr",
)

SERVICES = ("Internal medicine", "Emergency department", "Orthopedics", "Oncology", "Family practice", "Cardiology")

OPERATORS = ("ALVAREZ^Nina", "BECKER^Jonas", "CHO^Hana", "DUBOIS^Luc", "EKWUEME^Ada", "FISCHER^Lena", "GRANT^Owen", "HARPER^Zoe", "ITO^Ken")

RADIOLOGISTS = ("SEVERIN^Marta^^Dr", "TEMPLETON^Giles^^Dr", "URBANO^Rosa^^Dr")

WARDS = ("3 West 12", "3 West 14", "4 East 03", "5 North 21", "ICU 07")

REASONS = {
    "CT": ("Headache after a fall", "Follow-up of a lung nodule", "Abdominal pain", "Suspected embolism", "Staging"),
    "MR": ("Back pain with weakness of a leg", "Knee locks after twisting", "New seizures", "Jaundice", "Follow-up after surgery"),
    "US": ("Right upper quadrant pain", "Swollen leg", "Palpable lump", "Follow-up of kidney stones", "Raised liver enzymes"),
    "DX": ("Cough and fever", "Pain after a fall", "Before surgery", "Shortness of breath", "Control after cast"),
    "MG": ("Screening", "Palpable lump", "Recall from screening", "Family history"),
    "RF": ("Trouble swallowing", "Reflux", "Change of bowel habit", "Infertility work-up"),
    "NM": ("Bone pain, known tumor", "Overactive thyroid", "Split kidney function", "Chest pain on effort"),
    "XA": ("Chest pain at rest", "Pain when walking", "Long course of antibiotics"),
}
"""By modality."""

CANCELLATIONS = (
    "Patient called: has a fever, will call again",
    "Ordered twice",
    "Referring physician withdrew the request",
    "Patient was transferred to another hospital",
)

DISCONTINUATIONS = ("110505", "110501", "110515", "110506")
"""Codes of CID 9300."""
