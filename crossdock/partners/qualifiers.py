"""What kind of id an interchange is addressed by: X12 element I05, in ISA05 and ISA07.

Those that occur in supply chains, and their neighbours up to release 005010, in our own words.
Source of which codes there are: the element dictionaries of 004010 and 005010 as ``tcd/eddy`` (MIT) lists them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

QUALIFIERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "01": "D-U-N-S number",
        "02": "standard carrier alpha code (SCAC)",
        "03": "Federal Maritime Commission number",
        "04": "IATA number",
        "07": "global location number (GLN)",
        "08": "GS1 US communications id",
        "09": "X.121 (data network) address",
        "10": "US Department of Defense activity address",
        "11": "DEA registration",
        "12": "telephone number",
        "13": "UCS code",
        "14": "D-U-N-S number with suffix",
        "15": "Petroleum Accountants Society of Canada code",
        "16": "D-U-N-S number with four characters of its owner",
        "17": "American Bankers Association number",
        "18": "AAR standard distribution code",
        "19": "EDI Council of Australia code",
        "20": "health industry number",
        "21": "integrated postsecondary education id",
        "22": "federal interagency commission on education id",
        "23": "national center for education statistics id",
        "24": "admission and testing program id of the College Board",
        "25": "American College Testing id",
        "26": "Statistics Canada list of postsecondary institutions",
        "27": "health care carrier id",
        "28": "fiscal intermediary id",
        "29": "Medicare provider id",
        "30": "US federal tax number",
        "31": "jurisdiction of the industrial accident boards",
        "32": "US federal employer number",
        "33": "insurance company code of the NAIC",
        "34": "Medicaid provider id",
        "35": "Canadian universities' application centre",
        "36": "Statistics Canada number",
        "37": "Statistics Canada number of a reporting unit",
        "38": "Statistics Canada number of a supplier",
        "AM": "Mexican product code association (AMECOP)",
        "NR": "National Retail Merchants Association",
        "SA": "safety and fitness records system",
        "SN": "standard address number (SAN)",
        "ZZ": "mutually agreed",
    }
)
