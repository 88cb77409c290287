-- A small shop with believable data: 5 000 customers, 400 products, 60 000 orders with a payment each, 240 employees.
-- The same data at every run.
BEGIN;
SELECT setseed(0.42);

CREATE TABLE public.customers (
  id bigint PRIMARY KEY,
  name text NOT NULL,
  email text NOT NULL UNIQUE,
  city text NOT NULL,
  region text NOT NULL,
  card_number text NOT NULL,
  created_at timestamptz NOT NULL
);
INSERT INTO public.customers
SELECT i,
       first || ' ' || last,
       lower(first || '.' || last) || i || '@' || (ARRAY['example.com', 'example.org', 'example.net'])[1 + i % 3],
       (ARRAY['Berlin', 'Madrid', 'Lyon', 'Porto', 'Turin', 'Ghent', 'Graz', 'Malmö'])[1 + i % 8],
       (ARRAY['north', 'south', 'east', 'west'])[1 + i % 4],
       '4' || lpad((random() * 999999999999999)::bigint::text, 15, '0'),
       timestamptz '2024-01-01 00:00+00' + random() * interval '600 days'
FROM (SELECT i,
             (ARRAY['Ada', 'Bruno', 'Clara', 'Dario', 'Elif', 'Finn', 'Greta', 'Hugo', 'Ines', 'Jonas'])
               [1 + (random() * 9)::int] AS first,
             (ARRAY['Keller', 'Lopez', 'Moreau', 'Novak', 'Ortiz', 'Peeters', 'Rossi', 'Silva', 'Tamm', 'Weber'])
               [1 + (random() * 9)::int] AS last
      FROM generate_series(1, 5000) AS i) AS people;

CREATE TABLE public.products (
  id int PRIMARY KEY,
  name text NOT NULL,
  price numeric(10, 2) NOT NULL CHECK (price > 0)
);
INSERT INTO public.products
SELECT i, (ARRAY['Lamp', 'Chair', 'Desk', 'Shelf', 'Rug', 'Clock', 'Vase', 'Stool'])[1 + i % 8] || ' ' || i,
       round((5 + random() * 495)::numeric, 2)
FROM generate_series(1, 400) AS i;

CREATE TABLE public.orders (
  id bigint PRIMARY KEY,
  customer_id bigint NOT NULL REFERENCES public.customers,
  product_id int NOT NULL REFERENCES public.products,
  quantity int NOT NULL,
  status text NOT NULL CHECK (status IN ('open', 'paid', 'shipped', 'cancelled')),
  ordered_at timestamptz NOT NULL
);
INSERT INTO public.orders
SELECT i, 1 + (random() * 4999)::int, 1 + (random() * 399)::int, 1 + (random() * 4)::int,
       (ARRAY['open', 'paid', 'shipped', 'shipped', 'cancelled'])[1 + (random() * 4)::int],
       timestamptz '2025-01-01 00:00+00' + random() * interval '600 days'
FROM generate_series(1, 60000) AS i;

CREATE TABLE public.payments (
  id bigint PRIMARY KEY,
  order_id bigint NOT NULL REFERENCES public.orders,
  amount numeric(12, 2) NOT NULL,
  method text NOT NULL,
  paid_at timestamptz NOT NULL
);
INSERT INTO public.payments
SELECT o.id, o.id, o.quantity * p.price, (ARRAY['card', 'transfer', 'voucher'])[1 + (o.id % 3)::int],
       o.ordered_at + interval '1 hour'
FROM public.orders AS o JOIN public.products AS p ON p.id = o.product_id;

CREATE SCHEMA staff;
CREATE TABLE staff.salaries (
  employee_id int PRIMARY KEY,
  name text NOT NULL,
  department text NOT NULL,
  salary numeric(10, 2) NOT NULL
);
INSERT INTO staff.salaries
SELECT i, 'Employee ' || i, (ARRAY['sales', 'support', 'warehouse', 'engineering'])[1 + i % 4],
       round((32000 + random() * 60000)::numeric, 2)
FROM generate_series(1, 240) AS i;

CREATE INDEX ON public.orders (customer_id);
CREATE INDEX ON public.payments (order_id);
COMMIT;
ANALYZE public.customers, public.products, public.orders, public.payments, staff.salaries;
