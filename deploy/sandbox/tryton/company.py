"""The company that the ERP's books are of: a distributor of widgets with one warehouse, and how its clerks work.

WID-1   5 in stock, so most orders of it become backorders      ACME     pays on time
WID-2   plenty                                                  RISKY    may owe 500 and no more
WID-3   none at all                                             WIDGET   supplies all of it
"""

from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final, Self

from deploy.sandbox.tryton.desk import Desk

STOCK: Final = {"WID-1": ("10.00", 5.0), "WID-2": ("25.00", 100_000.0), "WID-3": ("40.00", 0.0)}
"""Product → price and what lies in the warehouse."""

HUB_GROUPS: Final = ("Sales", "Stock", "Purchase")
"""What the hub's user may do: the everyday work, nothing of an administrator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """The numbers of the records that everything hangs on."""

    company: int
    customer: int
    risky: int
    supplier: int
    unit: int
    warehouse: int
    storage: int
    payment_term: int
    products: dict[str, int]
    hub_user: int

    @classmethod
    def founded(cls, admin: Desk, *, hub_password: str, hub_key: str) -> Self:
        """Make it all, in an empty ERP."""
        dollar = admin.make(
            "currency.currency", name="US Dollar", code="USD", symbol="$",
            rates=[["create", [{"date": date(2020, 1, 1), "rate": Decimal(1)}]]],
        )  # fmt: skip
        owner = admin.make("party.party", name="Northwind Supply", code="US")
        company = admin.make("company.company", party=owner, currency=dollar)
        [me] = admin.find("res.user", ["login", "=", "admin"])
        admin("res.user", "write", [me], {"companies": [["add", [company]]], "company": company})
        admin.look_around()
        for name, prefix in (("Sale", "SO"), ("Customer Shipment", "SH"), ("Purchase", "PU")):
            sequences = admin.find("ir.sequence", ["name", "=", name])
            admin("ir.sequence", "write", sequences, {"prefix": prefix, "padding": 4})
        [unit] = admin.find("product.uom", ["symbol", "=", "u"])
        [warehouse] = admin.find("stock.location", ["type", "=", "warehouse"])
        [storage] = admin.find("stock.location", ["code", "=", "STO"])
        groups = admin.find("res.group", ["name", "in", list(HUB_GROUPS)])
        hub = admin.make(
            "res.user", name="Crossdock", login="crossdock", password=hub_password, company=company,
            companies=[["add", [company]]], groups=[["add", groups]],
        )  # fmt: skip
        admin.make("res.user.application", user=hub, application="rest", key=hub_key)
        founded = cls(
            company=company,
            customer=_party(admin, "Acme Retail Inc", "ACME"),
            risky=_party(admin, "Risky Stores LLC", "RISKY", credit_limit_amount=Decimal("500.00")),
            supplier=_party(admin, "Widget Works", "WIDGET"),
            unit=unit,
            warehouse=warehouse,
            storage=storage,
            payment_term=admin.make(
                "account.invoice.payment_term", name="At once", lines=[["create", [{"type": "remainder"}]]]
            ),
            products={code: _product(admin, code, price, unit) for code, (price, _) in STOCK.items()},
            hub_user=hub,
        )
        founded.count(admin, {code: quantity for code, (_, quantity) in STOCK.items()})
        return founded

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    # -- a clerk's day ------------------------------------------------------------------------------------

    def count(self, desk: Desk, counted: dict[str, float]) -> None:
        """An inventory: so much of these products lies in the warehouse."""
        lines = [{"product": self.products[code], "quantity": number} for code, number in counted.items()]
        inventory = desk.make("stock.inventory", location=self.storage, lines=[["create", lines]])
        desk("stock.inventory", "confirm", [inventory])

    def quote(self, desk: Desk, lines: dict[str, float], *, party: int | None = None, **more: Any) -> int:
        """A quotation for a customer: product → quantity."""
        party = self.customer if party is None else party
        [address] = desk.one("party.party", party, "addresses")["addresses"]
        sale = desk.make(
            "sale.sale",
            party=party,
            payment_term=self.payment_term,
            invoice_address=address,
            shipment_address=address,
            invoice_method="manual",
            warehouse=self.warehouse,
            lines=[["create", [self._line(code, quantity) for code, quantity in lines.items()]]],
            **more,
        )
        desk("sale.sale", "quote", [sale])
        return sale

    def sell(self, desk: Desk, lines: dict[str, float], **more: Any) -> int:
        """An order in process: its shipment waits for the warehouse."""
        sale = self.quote(desk, lines, **more)
        desk("sale.sale", "confirm", [sale])
        desk("sale.sale", "process", [sale])
        return sale

    def buy(self, desk: Desk, lines: dict[str, float]) -> int:
        """An order to the supplier, in process."""
        [address] = desk.one("party.party", self.supplier, "addresses")["addresses"]
        purchase = desk.make(
            "purchase.purchase",
            party=self.supplier,
            payment_term=self.payment_term,
            invoice_address=address,
            invoice_method="manual",
            warehouse=self.warehouse,
            lines=[["create", [self._line(code, quantity) for code, quantity in lines.items()]]],
        )
        for step in ("quote", "confirm", "process"):
            desk("purchase.purchase", step, [purchase])
        return purchase

    def _line(self, code: str, quantity: float) -> dict[str, Any]:
        price = Decimal(STOCK[code][0])
        return {
            "product": self.products[code],
            "unit": self.unit,
            "quantity": quantity,
            "unit_price": price,
        }


def _party(desk: Desk, name: str, code: str, **more: Any) -> int:
    address = {"street": "1 Main St", "city": "Columbus"}
    return desk.make("party.party", name=name, code=code, addresses=[["create", [address]]], **more)


def _product(desk: Desk, code: str, price: str, unit: int) -> int:
    template = desk.make(
        "product.template", name=f"Widget {code[-1]}", type="goods", default_uom=unit, list_price=Decimal(price),
        salable=True, sale_uom=unit, purchasable=True, purchase_uom=unit,
        products=[["create", [{"suffix_code": code}]]],
    )  # fmt: skip
    [product] = desk.one("product.template", template, "products")["products"]
    return int(product)
