process TUNE {
    tag "${metas.size() > 1 ? "${metas.first().id} to ${metas.last().id}" : metas.first().id}"
    label 'scan'
    label 'gpu'
    label 'grouped'

    input:
    tuple val(metas), path(slices, stageAs: 'slices/*')
    path model, stageAs: 'model/*'
    path embedding, stageAs: 'embedding/*'
    val args
    val code

    output:
    path 'tuning/*.csv', emit: tables

    script:
    """
    export OMP_NUM_THREADS=${task.cpus}
    'tune.py' slices/* --model model/* ${embedding ? '--embedding embedding/*' : ''} \\
        --out tuning ${args}
    """

    stub:
    """
    'tune.py' --help > /dev/null
    mkdir tuning
    touch ${metas.collect { meta -> "tuning/${meta.id}.csv" }.join(' ')}
    """
}
