-- One query of Spark SQL per line over t (a, b, d, x, s, arr, m) and u (a, n, w).
select * from (select 1 as a) natural join (select 1 as a, 2 as b)
select array(1,2,3)[0], arr[0], m['k'], arr[0] + 1 from t where a = 1
select t.s.p, s.q, t.`s`.`q` from t
select a, b from t order by b nulls last, a desc
select t.a, u.n, w from t left join u on t.a = u.a and u.w > 10 where t.a < 3
select * from t t1 right join u on t1.a = u.a
select a, n from t full outer join u using (a) order by a
select coalesce(t.a, u.a) k from t full join u on t.a = u.a
select count(*) from t cross join u
with q as (select a, sum(w) sw from u group by a), r as (select a, sw from q where sw > 10) select r.*, t.b from r join t on r.a = t.a
with q as (select a from t), z as (with q as (select a from u) select * from q) select * from z union all select * from q
select a, (select max(w) from u where u.a = t.a) mw from t
select a from t where a in (select a from u where u.w > t.a) or b is null
select a from t where not exists (select 1 from u where u.a = t.a)
select b, count(*) c, sum(a) from t group by b having sum(a) > 1 order by c, b
select a % 2 as k, count(*) from t group by a % 2 order by k
select case when a > 1 then 'hi' else 'lo' end as g, count(*) from t group by 1 order by 1
select a, sum(x) over (partition by b order by a) s, rank() over (order by x desc) r from t
select a, lag(a) over w as l from t window w as (order by a)
select b, grouping(b) g, sum(a) from t group by rollup(b) order by 2, 1
select a as k, b from t union select a, n from u except select 1, 'a' order by k
(select a from t order by a limit 1) union all (select a from u order by a desc limit 1)
select * from (values (1, 'x'), (2, 'y')) as v(i, s) where i > 1
select x.i from values (1), (2) as x(i)
select e.k, e.v from t lateral view explode(m) e as k, v
select e.c, t.a from t lateral view outer explode(arr) e as c
select t.a, e.pos, e.col from t lateral view posexplode(arr) e
select transform(arr, y -> y + a) r, exists(arr, y -> y = 2) ex, aggregate(arr, 0, (acc, y) -> acc + y) ag from t
select a + 1 as b1, b1 * 2 as b2 from t
select a from t where d between '2020-06-01' and '2021-03-01'
select d + interval '1' month, d - 1, date_add(d, 1), year(d) from t
select count(distinct b), count(b), count(*), min(d), max(d) filter (where a < 3) from t
select upper(b) || '-' || cast(a as string) from t
select t1.a, t2.a from t t1 join t t2 on t1.a < t2.a
select t.* , u.w from t, u where t.a = u.a
select t.* except (s, arr, m) from t
select a from t limit 2 offset 1
select distinct b from t order by b desc
select a d, d a from t order by a desc, d
select a c, c + 1 from t
select max(a) + min(a) from t
select 1 as one, 'x' as two from t where a = 1
select if(a > 1, 'y', 'n'), nullif(a, 1), nvl(b, 'none'), a <=> null, b is not distinct from 'a' from t
select -a, - a, -1, 2 - -1, ~a, +a, not (a > 1) from t
select 1 | 2 & 3 ^ 1, 5 + 3 || 'x', 1 << 2 + 1, 7 div 2 * 2, 2 + 3 * 4 % 3 from t where a = 1
select b like 'a%', b rlike '^a', b like '%\_%', b in ('a', null), b like any ('a%', 'b%') from t
select 'a''b', "c""d", 'e\'f', r'\n', '\u00e9', 'tab\there' from t where a = 1
select 1.50, 1e2, 1.5e-3, 100L, 5S, 3Y, 1.5BD, 2.0F, 2D, X'0A' from t where a = 1
select timestamp'2020-01-01 10:00:00' + interval 2 hours, date'2020-01-31' + interval 1 month, interval '1 02:03:04' day to second
select extract(month from d), trim(both 'a' from b), substring(b from 1 for 1), position('a' in b), overlay(b placing 'x' from 1) from t
select cast('5' as int), '5'::bigint, try_cast('x' as int), int('7'), string(a) from t where a = 1
select struct(a, b) st, named_struct('z', a).z z, map('q', a)['q'] mq, array(a, 2)[0] a0 from t
select stack(2, 'x', 1, 'y', 2) as (k, v)
select b, collect_list(a) from t group by b
select /*+ broadcast(u) */ t.a from t join u on t.a = u.a
select a from t semi join u on t.a = u.a
select a from t left anti join u on t.a = u.a
select sum(case when b = 'a' then 1 else 0 end) as n, avg(x) from t
select * from (select a, row_number() over (order by a desc) rn from t) where rn = 1
select a from t where (a, b) in (select 1, 'a')
select concat_ws(',', array('x', 'y')), date_format(d, 'yyyy'), dateadd(month, 1, d), datediff(day, d, date'2022-01-01') from t
